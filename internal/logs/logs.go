package logs

import (
	"log/slog"
	"math"
	"os"
	"strings"
)

// LevelTrace is the level below slog.LevelDebug, for details that help only when one connection or one header is in
// question.
const LevelTrace slog.Level = -8

// LevelOff is above the level of every record.
const LevelOff slog.Level = math.MaxInt

// Subsystem is the key of the attribute that says which part of the program logs.
const Subsystem = "subsystem"

// For returns a logger whose records carry the subsystem. A nil logger gives one that discards every record.
func For(logger *slog.Logger, subsystem string) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger.With(slog.String(Subsystem, subsystem))
}

// Variable is the environment variable with the level of the provider's log. With an underscore and the name of a
// subsystem (COMMIT, REGISTRY, CREDENTIALS, SIGNING) it is the level of that subsystem.
const Variable = "TF_LOG_PROVIDER_MANIFESTO"

// VariablesOfTerraform are the variables by which Terraform decides which lines of a provider it shows. The first that
// is set counts; Terraform hands both down to the provider unchanged.
var VariablesOfTerraform = []string{"TF_LOG_PROVIDER", "TF_LOG"}

// LevelFromEnv returns the level in the first of the environment variables that is set, and LevelOff if none is. As in
// Terraform, a value that names no level, such as JSON, means TRACE.
func LevelFromEnv(variables ...string) slog.Level {
	for _, variable := range variables {
		switch value := strings.ToUpper(os.Getenv(variable)); value {
		case "":
			continue
		case "OFF":
			return LevelOff
		case "ERROR":
			return slog.LevelError
		case "WARN":
			return slog.LevelWarn
		case "INFO":
			return slog.LevelInfo
		case "DEBUG":
			return slog.LevelDebug
		default:
			return LevelTrace
		}
	}
	return LevelOff
}

// LevelName returns the name of a level that LevelFromEnv understands.
func LevelName(level slog.Level) string {
	switch {
	case level == LevelOff:
		return "OFF"
	case level < slog.LevelDebug:
		return "TRACE"
	}
	return level.String()
}
