import { Badge } from "@mantine/core";
import { IconBox, IconChevronRight, IconFolder } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useId, useRef, useState } from "react";

import type { Schemas } from "~/api/client";
import type { Node, Row } from "~/lib/resourceTree";
import { stackText } from "~/text/stack";

import classes from "./ResourceTree.module.css";

type Resource = Schemas["Resource"];
const words = stackText.resources;

const ROW_PX = 30;
const INDENT_PX = 18;
const PAGE_ROWS = 15;
const BORDERS_PX = 2;

interface Props {
  rows: Row<Resource>[];
  onToggle: (node: Node<Resource>, open: boolean) => void;
  onShow: (resource: Resource) => void;
}

// A tree as ARIA has it: one stop of the tab key, arrows inside. Only rows in sight are drawn, so the
// active one is told by aria-activedescendant and not by where the focus is.
export function ResourceTree({ rows, onToggle, onShow }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const [activeId, setActiveId] = useState<string>();
  const found = rows.findIndex((r) => rowId(r) === activeId);
  const active = Math.max(0, found);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });

  const go = (index: number) => {
    const to = Math.min(rows.length - 1, Math.max(0, index));
    const row = rows[to];
    if (!row) return;
    setActiveId(rowId(row));
    virtual.scrollToIndex(to);
  };
  const act = (row: Row<Resource>) => {
    if (row.node.resource) onShow(row.node.resource);
    else onToggle(row.node, !row.expanded);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const branch = row.node.children.length > 0;
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(active + 1),
      ArrowUp: () => go(active - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      PageDown: () => go(active + PAGE_ROWS),
      PageUp: () => go(active - PAGE_ROWS),
      ArrowRight: () => {
        if (branch && !row.expanded) onToggle(row.node, true);
        else if (branch) go(active + 1);
      },
      ArrowLeft: () => {
        if (row.expanded) {
          setActiveId(rowId(row));
          onToggle(row.node, false);
        } else if (row.parent >= 0) {
          go(row.parent);
        }
      },
      Enter: () => act(row),
      " ": () => act(row),
    };
    const key = keys[event.key];
    if (!key) return;
    event.preventDefault();
    key();
  };

  return (
    <div
      ref={scroll}
      className={classes.tree}
      style={{ height: `min(60vh, ${rows.length * ROW_PX + BORDERS_PX}px)` }}
      role="tree"
      aria-label={words.tree}
      aria-describedby={`${prefix}-keys`}
      aria-activedescendant={rows.length > 0 ? `${prefix}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      // What reads the tree must find the active row, which may be out of sight.
      onFocus={() => virtual.scrollToIndex(active)}
    >
      <span id={`${prefix}-keys`} hidden>
        {words.keys}
      </span>
      <div className={classes.rows} role="presentation" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index] as Row<Resource>;
          return (
            <TreeRow
              key={rowId(row)}
              id={`${prefix}-${item.index}`}
              row={row}
              active={item.index === active}
              top={item.start}
              onClick={() => {
                setActiveId(rowId(row));
                act(row);
              }}
            />
          );
        })}
      </div>
    </div>
  );
}

const rowId = (row: Row<Resource>) => `${row.node.kind} ${row.node.id}`;

function TreeRow(props: { id: string; row: Row<Resource>; active: boolean; top: number; onClick: () => void }) {
  const { node, level, expanded, position, siblings } = props.row;
  const branch = node.children.length > 0;
  return (
    // The keys are those of the tree around it.
    <div
      id={props.id}
      role="treeitem"
      aria-level={level}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={branch ? expanded : undefined}
      aria-selected={props.active}
      data-active={props.active || undefined}
      className={classes.row}
      style={{ height: ROW_PX, transform: `translateY(${props.top}px)`, paddingLeft: 8 + (level - 1) * INDENT_PX }}
      onClick={props.onClick}
    >
      {branch ? (
        <IconChevronRight size={16} className={classes.chevron} data-open={expanded || undefined} aria-hidden />
      ) : (
        <span className={classes.gap} />
      )}
      {node.kind === "module" ? (
        <IconFolder size={16} aria-hidden />
      ) : (
        node.resource && <IconBox size={16} aria-hidden />
      )}
      <span className={classes.label} title={node.id}>
        {node.label}
      </span>
      {branch && (
        <Badge size="xs" variant="default" style={{ flexShrink: 0 }}>
          {node.count.toLocaleString()}
        </Badge>
      )}
      {node.resource?.tainted && (
        <Badge
          size="xs"
          color="orange"
          variant="light"
          tt="none"
          style={{ flexShrink: 0 }}
          c="var(--mantine-color-text)"
        >
          {words.tainted}
        </Badge>
      )}
      {node.resource?.id && <span className={classes.id}>{node.resource.id}</span>}
    </div>
  );
}
