package rest

import (
	"io"
	"log/slog"
	"strings"
	"time"
)

// NewLogger writes one JSON object per line, with the field names of the other services.
func NewLogger(out io.Writer, level slog.Level) *slog.Logger {
	handler := slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch a.Key {
			case slog.MessageKey:
				a.Key = "message"
			case slog.LevelKey:
				level := strings.ToLower(a.Value.String())
				if level == "warn" {
					level = "warning"
				}
				a.Value = slog.StringValue(level)
			case slog.TimeKey:
				a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339Nano))
			}
			return a
		},
	})
	return slog.New(traceLog{handler}).With("service", "stackyard-rest")
}
