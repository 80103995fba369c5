package serve

import (
	"log/slog"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

// sdkRoot is the environment variable with the level of the loggers of terraform-plugin-go and the framework. Its
// subsystems have that level unless they have one of their own.
const sdkRoot = "TF_LOG_SDK"

// sdkSubsystems are the variables of the subsystems that serve a provider.
var sdkSubsystems = []string{"TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK"}

// limitLogs keeps all loggers of the process to lines that Terraform would show. Without a level of their own, the
// loggers of the SDK write every line, and Terraform parses and drops them: a third of the time of a large plan. The
// SDK reads its levels from the environment, so this is where they are set. A level that the user has set for the SDK
// stays. limitLogs returns a logger for go-plugin, which reads no variable.
func limitLogs() hclog.Logger {
	shown := logs.LevelFromEnv(logs.VariablesOfTerraform...)
	limited := func(variables ...string) slog.Level {
		return max(shown, logs.LevelFromEnv(append(variables, logs.VariablesOfTerraform...)...))
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, logs.Variable+"_") {
			setLevel(name, limited(name, logs.Variable))
		}
	}
	level := limited(logs.Variable)
	setLevel(logs.Variable, level) // Libraries, too, write lines to the provider's log.
	if os.Getenv(sdkRoot) == "" {
		for _, name := range append([]string{sdkRoot}, sdkSubsystems...) {
			if os.Getenv(name) == "" {
				setLevel(name, level)
			}
		}
	}
	return hclog.New(&hclog.LoggerOptions{
		Level:      hclog.LevelFromString(logs.LevelName(level)),
		Output:     os.Stderr,
		JSONFormat: true,
	})
}

func setLevel(name string, level slog.Level) {
	if err := os.Setenv(name, logs.LevelName(level)); err != nil {
		panic(err) // The names are constants, or from the environment.
	}
}
