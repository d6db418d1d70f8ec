#include "cli/topics.h"

#include "cli/errors.h"

namespace stackyard::cli {

const std::map<std::string, Topic>& Topics() {
  static const std::map<std::string, Topic> kTopics = {
      {"contexts",
       {"Servers, logins and what wins",
        R"(A context is a server: its endpoint, how to trust it, a project and a login.

  stackyard login --server https://stackyard.example.com   makes one and uses it
  stackyard contexts use NAME                              uses another from now on
  stackyard contexts show                                  what holds, and who said so

A flag wins over the environment, the environment over the context, the context over the default:

  --context      STACKYARD_CONTEXT      the context that `contexts use` chose
  --endpoint     STACKYARD_ENDPOINT     127.0.0.1:8081
  --ca-file      STACKYARD_CA_FILE      the authorities of the machine
  --plaintext    STACKYARD_PLAINTEXT    TLS, but on loopback
  --project      STACKYARD_PROJECT      none
  --token        STACKYARD_TOKEN        the login of the context
  --token-file   STACKYARD_TOKEN_FILE

The login of a context goes to the endpoint of that context and to no other. Contexts are kept in
~/.config/stackyard/config.yaml, logins in ~/.config/stackyard/credentials, readable for you alone
(XDG_CONFIG_HOME moves both). A login by a browser is renewed by itself while the provider allows.
)"}},
      {"names",
       {"How resources are named",
        R"(Names are short, within the project in use, or full:

  web               projects/PROJECT/stacks/web
  web/3             its third run, revision or state, as the command asks for
  web               its newest run, where a run is asked for
  hello             the newest version of a template
  hello@1           one version, templates/hello/versions/1
  groups/ops        a group, where a member is asked for

Without a project lists show all projects that you may see.
)"}},
      {"filters",
       {"How lists are filtered",
        R"(Every --filter is an AIP-160 expression over the fields of the resource, named as in proto
JSON or as in the proto:

  state = READY AND labels.team = "web"
  create_time > "2026-01-31T00:00:00Z"
  NOT state = FAILED
  display_name:"sale"                      contains
  parameters.size >= 3

`-o json` shows what fields there are.
)"}},
      {"output",
       {"Formats, columns and colors",
        R"(  -o table   for people (default)
  -o wide    with every column
  -o json    proto JSON; errors are JSON too
  -o yaml    the same as YAML; of stacks, projects, limits, bindings and documents `stackyard apply`
             reads it
  -o name    full names, one a line

--columns NAME,STATE chooses columns of a table and their order, --no-headers leaves the first line
out. Answers go to the standard output; notes, progress and errors to the standard error. Colors are
for terminals, and off with --no-color, NO_COLOR or TERM=dumb.
)"}},
      {"apply",
       {"Files that say how things should be",
        R"(A file holds documents, separated by `---`:

  apiVersion: stackyard.dev/v1
  kind: Stack
  name: greeting              # or projects/web/stacks/greeting
  project: web                # without it the one in use
  templateVersion: hello@1    # without @1 the newest there is
  parameters:
    name: Ada
    repeat: 3
  labels: {team: web}
  lease: {duration: 72h}      # of a new stack
  reason: a demo              # reviewers read it

Kinds are Project (displayName, description, labels), QuotaLimit (value), Binding (role, member,
global), Document (content, public) and Stack. Fields are named as in `-o yaml`, and what it wrote
can be applied: what the service alone says is left out. What a document does not name stays as it
is; parameters, labels and annotations that it names are all that there are to be.

`stackyard diff -f` shows what is different, `stackyard apply -f` shows it, asks, and does it.
Everything is checked before anything is done. Nothing is deleted. An `etag` in the file guards it:
whoever changed the resource since makes the apply fail.

Sensitive parameters cannot be compared, since nobody can read them: they are sent with a new stack,
and to one that there is with --send-secrets.
)"}},
      {"exit-codes", {"What exit codes tell scripts", ExitCodesHelp() + R"(
`stackyard diff` and `apply --dry-run` end with 1 when something is different, and diff with 2 where
others end with 1.
)"}},
  };
  return kTopics;
}

}  // namespace stackyard::cli
