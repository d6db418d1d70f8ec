import {
  ActionIcon,
  AppShell,
  Avatar,
  Box,
  Burger,
  Group,
  Indicator,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  Title,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import {
  IconBell,
  IconBook2,
  IconChecklist,
  IconDeviceDesktop,
  IconFolders,
  IconGauge,
  IconLogout,
  IconMoon,
  IconPackages,
  IconSettings,
  IconShieldLock,
  IconStack2,
  IconSun,
  IconUser,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";

import { onSignedOut, queries } from "~/api/client";
import { session, signOut, useCan, useMe, useOtherTabs } from "~/api/session";
import { last } from "~/lib/names";
import { common } from "~/text/common";

import classes from "./Shell.module.css";

const words = common.navigation;
const MAIN = [
  { to: "/", label: words.overview, icon: IconGauge },
  { to: "/stacks", label: words.stacks, icon: IconStack2 },
  { to: "/catalogue", label: words.catalogue, icon: IconPackages },
  { to: "/reviews", label: words.reviews, icon: IconChecklist },
  { to: "/projects", label: words.projects, icon: IconFolders },
];
const ADMIN = [
  { to: "/admin/users", label: words.users, permission: "users.list" },
  { to: "/admin/roles", label: words.roles, permission: "roles.list" },
  { to: "/admin/denials", label: words.denials, permission: "denials.list" },
  { to: "/admin/templates", label: words.templates, permission: "templates.publish" },
  { to: "/admin/system", label: words.system, permission: "configs.list" },
];
const NOTICES_EVERY_MS = 60_000;

// What stands around every page of someone who is signed in.
export function Shell(): ReactNode {
  const [opened, { toggle, close }] = useDisclosure();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const navigate = useNavigate();
  const client = useQueryClient();
  useOtherTabs(useMe()?.user?.name);
  useEffect(close, [path, close]);
  useEffect(() => {
    onSignedOut(() => {
      if (location.pathname === "/sign-in") return;
      client.setQueryData(session.queryKey, (old) => old && { ...old, signedIn: false });
      void navigate({ to: "/sign-in", search: { returnTo: location.pathname + location.search, ended: true } });
    });
  }, [client, navigate]);

  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding="md"
    >
      <a href="#content" className={classes.skip}>
        {common.skip}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={words.open} />
            <Link to="/" className={classes.brand}>
              <img src="/icon.svg" alt="" width={24} height={24} />
              <Title order={2} size="h4" component="span">
                {common.product}
              </Title>
            </Link>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Notices />
            <Scheme />
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={words.main}>
        <AppShell.Section grow component={ScrollArea}>
          {MAIN.map((item) => (
            <Item key={item.to} {...item} path={path} />
          ))}
          <AdminItems path={path} />
        </AppShell.Section>
        <AppShell.Section>
          <NavLink href="/docs" label={words.docs} leftSection={<IconBook2 size={18} aria-hidden />} />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Box maw={1680} mx="auto">
          <Outlet />
        </Box>
      </AppShell.Main>
    </AppShell>
  );
}

function Item(props: { to: string; label: string; icon?: typeof IconGauge; path: string }) {
  const active = props.to === "/" ? props.path === "/" : props.path.startsWith(props.to);
  const Icon = props.icon;
  return (
    <NavLink
      component={Link}
      to={props.to}
      label={props.label}
      active={active}
      aria-current={active ? "page" : undefined}
      leftSection={Icon && <Icon size={18} aria-hidden />}
    />
  );
}

function AdminItems({ path }: { path: string }) {
  const can = useCan("", [...new Set(ADMIN.map((i) => i.permission))]);
  const items = ADMIN.filter((i) => can?.has(i.permission));
  if (items.length === 0) return null;
  return (
    <NavLink
      label={words.admin}
      leftSection={<IconShieldLock size={18} aria-hidden />}
      component="button"
      defaultOpened={path.startsWith("/admin")}
    >
      {items.map((item) => (
        <Item key={item.to} to={item.to} label={item.label} path={path} />
      ))}
    </NavLink>
  );
}

function Notices() {
  const me = useMe();
  const user = me?.user ? last(me.user.name) : "";
  const { data } = queries.useQuery(
    "get",
    "/v1/users/{user}/notifications",
    { params: { path: { user }, query: { filter: "read = false", pageSize: 100 } } },
    { enabled: user !== "", refetchInterval: NOTICES_EVERY_MS },
  );
  const unread = data?.notifications?.length ?? 0;
  return (
    <Indicator label={unread > 99 ? "99+" : unread} size={16} disabled={unread === 0}>
      <ActionIcon
        component={Link}
        to="/notices"
        variant="subtle"
        color="gray"
        aria-label={unread > 0 ? `${words.notices}: ${unread}` : words.notices}
      >
        <IconBell size={20} />
      </ActionIcon>
    </Indicator>
  );
}

function Scheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const icons = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop };
  const Now = icons[colorScheme];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={words.theme}>
          <Now size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(["light", "dark", "auto"] as const).map((scheme) => {
          const Icon = icons[scheme];
          return (
            <Menu.Item key={scheme} leftSection={<Icon size={16} />} onClick={() => setColorScheme(scheme)}>
              {common.scheme[scheme]}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

function Account() {
  const me = useMe();
  const client = useQueryClient();
  const navigate = useNavigate();
  const name = me?.user?.displayName || (me?.user ? last(me.user.name) : "");
  const leave = async () => {
    try {
      await signOut();
    } catch (e) {
      notifications.show({ color: "red", title: common.failed.title, message: String(e) });
      return;
    }
    client.setQueryData(session.queryKey, (old) => old && { ...old, signedIn: false });
    // What is on the page would ask anew for what is taken away from it.
    await navigate({ to: "/sign-in" });
    client.clear();
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" radius="xl" size="lg" aria-label={words.account}>
          <Avatar size={28} radius="xl" color="yard">
            <IconUser size={18} aria-hidden />
          </Avatar>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm">{name}</Text>
        </Menu.Label>
        <Menu.Item component={Link} to="/settings" leftSection={<IconSettings size={16} />}>
          {words.settings}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          {words.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
