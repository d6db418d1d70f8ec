import { Button, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "react";

import { markHits, parseAnsi, type Style } from "~/lib/ansi";
import type { LogBuffer } from "~/lib/logBuffer";
import { runs } from "~/text/runs";

import classes from "./LogLines.module.css";

const words = runs.log;
const ROW_PX = 20;
// So near to the bottom one is at it; so near to the top, older lines are read.
const BOTTOM_PX = 24;
const TOP_PX = 400;

interface Props {
  buffer: LogBuffer;
  // Tells when the buffer has changed.
  version: number;
  wrap: boolean;
  query: string;
  // Number of the line that is looked at, of those with a hit.
  hit: number | undefined;
  following: boolean;
  onFollow: (following: boolean) => void;
  busy: boolean;
  onOlder: () => void;
  ended: boolean;
}

// The lines in sight. Whoever scrolls up stops following; whoever comes to the bottom follows again.
export function LogLines(props: Props) {
  const { buffer, version, wrap, query, hit, following, onFollow, onOlder } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const { first, lines } = buffer;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: useCallback((i: number) => first + i, [first]),
    overscan: 20,
  });

  useLayoutEffect(() => virtual.measure(), [virtual, wrap]);

  // Wrapped lines are measured once they are drawn.
  const height = virtual.getTotalSize();
  const firstBefore = useRef(first);
  useLayoutEffect(() => {
    const element = scroll.current;
    const moved = firstBefore.current - first;
    firstBefore.current = first;
    if (!element) return;
    if (following) element.scrollTop = element.scrollHeight;
    // What was in sight stays in sight when lines come before it or go.
    else if (moved !== 0) element.scrollTop += moved * ROW_PX;
  }, [version, first, following, height]);

  useEffect(() => {
    if (hit !== undefined) virtual.scrollToIndex(hit - buffer.first, { align: "center" });
  }, [virtual, buffer, hit]);

  const topBefore = useRef(0);
  const onScroll = () => {
    const element = scroll.current;
    if (!element) return;
    const up = element.scrollTop < topBefore.current - 1;
    topBefore.current = element.scrollTop;
    const atBottom = element.scrollHeight - element.scrollTop - element.clientHeight < BOTTOM_PX;
    if (atBottom) onFollow(true);
    else if (up) onFollow(false);
    if (up && element.scrollTop < TOP_PX) onOlder();
  };
  return (
    <div className={classes.frame}>
      <div className={classes.edge}>
        {buffer.isWhole ? (
          <Text size="xs" c="dimmed">
            {words.oldest}
          </Text>
        ) : (
          <Button variant="subtle" size="compact-xs" onClick={onOlder} loading={props.busy}>
            {words.older}
          </Button>
        )}
      </div>
      <div
        ref={scroll}
        className={classes.scroll}
        role="log"
        // Logs are too fast to be read out.
        aria-live="off"
        aria-label={words.label}
        tabIndex={0}
        onScroll={onScroll}
      >
        {lines.length === 0 && (
          <Text size="sm" c="dimmed" p="xs">
            {words.emptyLive}
          </Text>
        )}
        <div style={{ height, position: "relative" }}>
          {virtual.getVirtualItems().map((item) => (
            <div
              key={item.key}
              data-index={item.index}
              ref={wrap ? virtual.measureElement : undefined}
              className={wrap ? classes.wrapped : classes.line}
              data-now={hit === first + item.index || undefined}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <Line text={lines[item.index] ?? ""} query={query} />
            </div>
          ))}
        </div>
      </div>
      <div className={classes.edge}>
        <Text size="xs" c="dimmed">
          {props.ended && words.end}
        </Text>
      </div>
    </div>
  );
}

const Line = memo(function Line({ text, query }: { text: string; query: string }) {
  const spans = useMemo(() => markHits(parseAnsi(text), query), [text, query]);
  return spans.map((s, i) => {
    const className = classesOf(s.style);
    return s.hit ? (
      <mark key={i} className={`${classes.hit} ${className}`}>
        {s.text}
      </mark>
    ) : (
      <span key={i} className={className}>
        {s.text}
      </span>
    );
  });
});

const classesOf = (style: Style) =>
  [
    style.colour && classes[style.colour],
    style.background && classes[`on-${style.background}`],
    style.bold && classes.bold,
    style.dim && classes.dim,
    style.italic && classes.italic,
    style.underline && classes.underline,
  ]
    .filter(Boolean)
    .join(" ");
