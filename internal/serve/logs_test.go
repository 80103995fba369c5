package serve

import (
	"os"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

func TestLimitLogs(t *testing.T) {
	const root, proto, framework = "TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK"
	const own, commit = logs.Variable, logs.Variable + "_COMMIT"
	tests := map[string]struct {
		set, want map[string]string
		plugin    string
	}{
		"nothing set": {nil, map[string]string{root: "OFF", proto: "OFF", framework: "OFF"}, "off"},
		"TF_LOG": {
			map[string]string{"TF_LOG": "debug"},
			map[string]string{"TF_LOG": "debug", root: "DEBUG", proto: "DEBUG", framework: "DEBUG"}, "debug",
		},
		"a subsystem": {
			map[string]string{"TF_LOG": "INFO", commit: "WARN"}, map[string]string{own: "INFO", commit: "WARN"}, "info",
		},
		"a subsystem of an empty level": {
			map[string]string{"TF_LOG": "INFO"}, map[string]string{commit: "INFO"}, "info",
		},
		"JSON": {
			map[string]string{"TF_LOG": "JSON"},
			map[string]string{"TF_LOG": "JSON", root: "TRACE", proto: "TRACE", framework: "TRACE"}, "trace",
		},
		"only Terraform's own log": {
			map[string]string{"TF_LOG_CORE": "TRACE"},
			map[string]string{"TF_LOG_CORE": "TRACE", root: "OFF", proto: "OFF", framework: "OFF"}, "off",
		},
		"only providers": {
			map[string]string{"TF_LOG": "TRACE", "TF_LOG_PROVIDER": "WARN"},
			map[string]string{root: "WARN", proto: "WARN", framework: "WARN"}, "warn",
		},
		"this provider quieter": {
			map[string]string{"TF_LOG": "TRACE", own: "ERROR"},
			map[string]string{own: "ERROR", root: "ERROR", proto: "ERROR", framework: "ERROR"}, "error",
		},
		"this provider louder than Terraform shows": {
			map[string]string{"TF_LOG": "WARN", own: "TRACE", commit: "DEBUG"},
			map[string]string{own: "WARN", commit: "WARN", root: "WARN", proto: "WARN", framework: "WARN"}, "warn",
		},
		"a subsystem that Terraform does not show": {
			map[string]string{commit: "DEBUG"}, map[string]string{own: "OFF", commit: "OFF", root: "OFF"}, "off",
		},
		"one subsystem of the SDK": {
			map[string]string{framework: "TRACE"},
			map[string]string{root: "OFF", proto: "OFF", framework: "TRACE"}, "off",
		},
		"the SDK": {
			map[string]string{"TF_LOG": "TRACE", root: "WARN", proto: "OFF"},
			map[string]string{root: "WARN", proto: "OFF", framework: ""}, "trace",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_CORE", own, commit, root, proto, framework} {
				t.Setenv(variable, test.set[variable])
			}
			logger := limitLogs()
			for variable, want := range test.want {
				if got := os.Getenv(variable); got != want {
					t.Errorf("%s is %q, want %q", variable, got, want)
				}
			}
			if got := logger.GetLevel().String(); got != test.plugin {
				t.Errorf("the level of go-plugin is %s, want %s", got, test.plugin)
			}
		})
	}
}
