import { Anchor, Badge, Tooltip } from "@mantine/core";
import { useMemo } from "react";

import { type Hunk, withContext } from "~/lib/lineDiff";
import { type Attribute, type AttributeView, type Side, viewOf } from "~/lib/planDiff";
import { plan as words } from "~/text/plan";

import classes from "./PlanDiff.module.css";

// What is longer is folded.
const MOST_CHARACTERS = 240;
const MOST_LINES = 24;
const CONTEXT_LINES = 3;

interface Props {
  attribute: Attribute;
  // Long values are shown whole.
  whole: boolean;
  onWhole: () => void;
}

// One attribute of a resource: what it is and what it becomes.
export function PlanAttribute({ attribute, whole, onWhole }: Props) {
  const view = useMemo(() => viewOf(attribute), [attribute]);
  return (
    <div className={classes.attribute}>
      <div>
        <span className={classes.path}>{attribute.path}</span>{" "}
        {attribute.forcesReplacement && (
          <Badge
            variant="light"
            color="red"
            size="sm"
            tt="none"
            styles={{ label: { color: "var(--mantine-color-text)" } }}
          >
            {words.forces}
          </Badge>
        )}
      </div>
      <Value view={view} whole={whole} onWhole={onWhole} />
    </div>
  );
}

function Value({ view, whole, onWhole }: { view: AttributeView; whole: boolean; onWhole: () => void }) {
  if (view.kind === "sensitive") {
    return (
      <div>
        <Tooltip label={words.sensitiveHelp}>
          <span className={classes.word}>({words.sensitive})</span>
        </Tooltip>
      </div>
    );
  }
  if (view.kind === "lines") return <Lines view={view} whole={whole} onWhole={onWhole} />;
  const { before, after } = view;
  return (
    <div className={classes.sides}>
      {before.kind !== "absent" && (
        <>
          <OneSide side={before} className={classes.before} whole={whole} onWhole={onWhole} />
          <span aria-hidden>→</span>
          <span className={classes.forReaders}>{words.becomes}</span>
        </>
      )}
      <OneSide side={after} className={classes.after} whole={whole} onWhole={onWhole} />
    </div>
  );
}

function OneSide(props: { side: Side; className: string | undefined; whole: boolean; onWhole: () => void }) {
  const { side } = props;
  if (side.kind === "absent") return <span className={classes.word}>({words.absent})</span>;
  if (side.kind === "unknown") return <span className={classes.word}>({words.unknown})</span>;
  const long = side.text.length > MOST_CHARACTERS && !props.whole;
  return (
    <span className={props.className}>
      {long ? `${side.text.slice(0, MOST_CHARACTERS)}… ` : side.text}
      {long && <ShowAll label={words.showAllText(side.text.length)} onClick={props.onWhole} />}
    </span>
  );
}

function Lines(props: { view: AttributeView & { kind: "lines" }; whole: boolean; onWhole: () => void }) {
  const { view, whole } = props;
  const hunks: Hunk[] = useMemo(
    () => (whole ? view.lines : withContext(view.lines, CONTEXT_LINES)),
    [view.lines, whole],
  );
  const shown = whole ? hunks : hunks.slice(0, MOST_LINES);
  return (
    <div>
      {view.json && <div className={classes.word}>{words.json}</div>}
      <div className={classes.lines}>
        {shown.map((hunk, i) =>
          hunk.kind === "skipped" ? (
            <div key={i} className={classes.skipped}>
              {words.skipped(hunk.count)}
            </div>
          ) : (
            <div key={i} className={classes.line} data-kind={hunk.kind}>
              <span className={classes.sign} aria-hidden>
                {{ added: "+", removed: "-", same: " " }[hunk.kind]}
              </span>
              {hunk.kind !== "same" && <span className={classes.forReaders}>{words.lineKinds[hunk.kind]}: </span>}
              <span>{hunk.text || " "}</span>
            </div>
          ),
        )}
      </div>
      {view.unknownAfter && <div className={classes.word}>→ ({words.unknown})</div>}
      {!whole && shown.length < view.lines.length && (
        <ShowAll label={words.showAllLines(view.lines.length)} onClick={props.onWhole} />
      )}
    </div>
  );
}

function ShowAll({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <Anchor component="button" type="button" size="xs" onClick={onClick} underline="always">
      {label}
    </Anchor>
  );
}
