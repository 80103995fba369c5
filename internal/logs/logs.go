package logs

import "log/slog"

// LevelTrace is the level below slog.LevelDebug, for details that help only when one connection or one header is in
// question.
const LevelTrace slog.Level = -8

// Subsystem is the key of the attribute that says which part of the program logs.
const Subsystem = "subsystem"

// For returns a logger whose records carry the subsystem. A nil logger gives one that discards every record.
func For(logger *slog.Logger, subsystem string) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger.With(slog.String(Subsystem, subsystem))
}
