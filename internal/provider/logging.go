package provider

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

var _ slog.Handler = (*logHandler)(nil)

// slogFrames is the number of stack frames between the caller of a slog.Logger and the call to tflog. The log names the
// caller.
const slogFrames = 3

// newLogger returns the logger for the packages below the provider. It writes to the log of the Terraform operation
// whose context a record carries. If no variable of the environment asks for a log, it is off: Terraform would parse
// and drop every line.
func newLogger() *slog.Logger {
	return slog.New(&logHandler{level: logLevel("")})
}

// logHandler passes records of log/slog to tflog, with their subsystem as a tflog subsystem.
type logHandler struct {
	level     slog.Level
	subsystem string
	// fields are from attributes of the logger; never changed.
	fields map[string]any
	// prefix is the names of the open groups, each with a dot behind it.
	prefix string
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level
}

// WithAttrs implements slog.Handler. The attribute logs.Subsystem selects the subsystem and its level.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	derived.fields = cloneFields(h.fields)
	for _, a := range attrs {
		if h.isSubsystem(a) {
			derived.subsystem = a.Value.String()
			derived.level = logLevel(derived.subsystem)
			continue
		}
		addField(derived.fields, h.prefix, a)
	}
	return &derived
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.prefix += name + "."
	return &derived
}

// Handle implements slog.Handler. Without a Terraform operation in ctx, it does nothing.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	subsystem, fields := h.subsystem, cloneFields(h.fields)
	record.Attrs(func(a slog.Attr) bool {
		if h.isSubsystem(a) {
			subsystem = a.Value.String()
		} else {
			addField(fields, h.prefix, a)
		}
		return true
	})
	write, writeSubsystem := writers(record.Level)
	if subsystem == "" {
		write(ctx, record.Message, fields)
		return nil
	}
	ctx = tflog.NewSubsystem(ctx, subsystem, tflog.WithLevelFromEnv(logs.Variable, subsystem), tflog.WithRootFields(),
		tflog.WithAdditionalLocationOffset(slogFrames))
	writeSubsystem(ctx, subsystem, record.Message, fields)
	return nil
}

func (h *logHandler) isSubsystem(a slog.Attr) bool {
	return a.Key == logs.Subsystem && h.prefix == ""
}

// writers returns the functions of tflog that write at a level, without and with a subsystem.
func writers(level slog.Level) (
	func(ctx context.Context, message string, fields ...map[string]any),
	func(ctx context.Context, subsystem, message string, fields ...map[string]any),
) {
	switch {
	case level < slog.LevelDebug:
		return tflog.Trace, tflog.SubsystemTrace
	case level < slog.LevelInfo:
		return tflog.Debug, tflog.SubsystemDebug
	case level < slog.LevelWarn:
		return tflog.Info, tflog.SubsystemInfo
	case level < slog.LevelError:
		return tflog.Warn, tflog.SubsystemWarn
	}
	return tflog.Error, tflog.SubsystemError
}

// logLevel returns the lowest level that the environment asks for, in a subsystem unless that is empty. The first
// variable that is set counts, the narrowest first.
func logLevel(subsystem string) slog.Level {
	variables := append([]string{logs.Variable}, logs.VariablesOfTerraform...)
	if subsystem != "" {
		variables = append([]string{logs.Variable + "_" + strings.ToUpper(subsystem)}, variables...)
	}
	return logs.LevelFromEnv(variables...)
}

func cloneFields(fields map[string]any) map[string]any {
	if fields == nil {
		return map[string]any{}
	}
	return maps.Clone(fields)
}

// addField adds an attribute to the fields of a line. The members of a group get its name and a dot in front.
func addField(fields map[string]any, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			addField(fields, prefix, member)
		}
		return
	}
	if a.Key != "" {
		fields[prefix+a.Key] = fieldValue(value)
	}
}

// fieldValue returns a value in the form that people read in a log.
func fieldValue(value slog.Value) any {
	switch value.Kind() {
	case slog.KindDuration:
		return readableDuration(value.Duration())
	case slog.KindTime:
		return value.Time().UTC().Format(time.RFC3339Nano)
	default:
	}
	switch v := value.Any().(type) {
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	default:
		return v
	}
}

// readableDuration writes a duration such as 180ms or 1.25s, and one below a millisecond such as 250µs.
func readableDuration(d time.Duration) string {
	if d.Abs() < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
