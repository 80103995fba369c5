package provider

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-log/tfsdklog"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// logVariables are all variables that newLogger reads.
var logVariables = []string{
	"TF_LOG", "TF_LOG_PROVIDER", logs.Variable, logs.Variable + "_COMMIT", logs.Variable + "_REGISTRY",
}

// logEnvironment sets the variables of a log, as pairs of name and value, and unsets the others.
func logEnvironment(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range logVariables {
		t.Setenv(name, "")
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

// logged runs write with the context of a Terraform operation and returns the lines of its log.
func logged(t *testing.T, write func(ctx context.Context, logger *slog.Logger)) []map[string]any {
	t.Helper()
	var output bytes.Buffer
	write(tflogtest.RootLogger(t.Context(), &output), newLogger())
	lines, err := tflogtest.MultilineJSONDecode(&output)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestLogModulesLevelsAndFields(t *testing.T) {
	logEnvironment(t, "TF_LOG", "TRACE")
	lines := logged(t, func(ctx context.Context, logger *slog.Logger) {
		logs.For(logger, "commit").DebugContext(ctx, "batch", "size", 12, "window", 180*time.Millisecond)
		logs.For(logger, "registry").Log(ctx, logs.LevelTrace, "request", "duration", 1234567*time.Nanosecond)
		logs.For(logger, "credentials").InfoContext(ctx, "login", "error", errors.New("no helper"))
		logger.WarnContext(ctx, "no subsystem", logs.Subsystem, "commit")
		logger.With("a", 1).WithGroup("g").With("b", 2).ErrorContext(ctx, "groups",
			slog.Group("h", "c", 3), "at", time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
			"addr", netip.MustParseAddr("192.0.2.1"))
	})
	want := []map[string]any{
		{"@module": "provider.commit", "@level": "debug", "@message": "batch", "size": 12.0, "window": "180ms"},
		{"@module": "provider.registry", "@level": "trace", "@message": "request", "duration": "1ms"},
		{"@module": "provider.credentials", "@level": "info", "@message": "login", "error": "no helper"},
		{"@module": "provider.commit", "@level": "warn", "@message": "no subsystem"},
		{
			"@module": "provider", "@level": "error", "@message": "groups", "a": 1.0, "g.b": 2.0, "g.h.c": 3.0,
			"g.at": "2026-01-02T02:04:05Z", "g.addr": "192.0.2.1",
		},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(lines), len(want), lines)
	}
	for i := range want {
		if !reflect.DeepEqual(lines[i], want[i]) {
			t.Errorf("line %d is %v, want %v", i, lines[i], want[i])
		}
	}
}

// A context that outlives its operation still leads to the operation's log; one without an operation leads nowhere.
func TestLogFollowsTheContext(t *testing.T) {
	logEnvironment(t, "TF_LOG_PROVIDER", "DEBUG")
	lines := logged(t, func(ctx context.Context, logger *slog.Logger) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		logs.For(logger, "commit").DebugContext(context.WithoutCancel(ended), "background")
		logs.For(logger, "commit").DebugContext(t.Context(), "nowhere")
		logger.DebugContext(t.Context(), "nowhere")
	})
	if len(lines) != 1 || lines[0]["@message"] != "background" {
		t.Errorf("the log is %v", lines)
	}
}

func TestLogLevels(t *testing.T) {
	const off = logs.LevelOff
	tests := map[string]struct {
		environment            []string
		root, commit, registry slog.Level
	}{
		"nothing set":        {nil, off, off, off},
		"TF_LOG":             {[]string{"TF_LOG", "INFO"}, slog.LevelInfo, slog.LevelInfo, slog.LevelInfo},
		"JSON":               {[]string{"TF_LOG", "JSON"}, logs.LevelTrace, logs.LevelTrace, logs.LevelTrace},
		"lower case":         {[]string{"TF_LOG", "warn"}, slog.LevelWarn, slog.LevelWarn, slog.LevelWarn},
		"off for providers":  {[]string{"TF_LOG", "DEBUG", "TF_LOG_PROVIDER", "OFF"}, off, off, off},
		"another's provider": {[]string{"TF_LOG_PROVIDER_OTHER", "DEBUG"}, off, off, off},
		"this provider": {
			[]string{"TF_LOG_PROVIDER", "ERROR", logs.Variable, "DEBUG"}, slog.LevelDebug, slog.LevelDebug, slog.LevelDebug,
		},
		"one subsystem": {[]string{logs.Variable + "_COMMIT", "TRACE"}, off, logs.LevelTrace, off},
		"all but one": {
			[]string{"TF_LOG", "DEBUG", logs.Variable + "_REGISTRY", "OFF"}, slog.LevelDebug, slog.LevelDebug, off,
		},
	}
	levels := []slog.Level{logs.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			logEnvironment(t, test.environment...)
			logger := newLogger()
			for subsystem, want := range map[string]slog.Level{
				"": test.root, "commit": test.commit, "registry": test.registry,
			} {
				of := logger
				if subsystem != "" {
					of = logs.For(logger, subsystem)
				}
				for _, level := range levels {
					if got := of.Enabled(t.Context(), level); got != (level >= want) {
						t.Errorf("subsystem %q: %v is enabled: %t", subsystem, level, got)
					}
				}
			}
		})
	}
}

// The level of a subsystem may be below that of the provider.
func TestLogSubsystemLouderThanProvider(t *testing.T) {
	logEnvironment(t, logs.Variable, "WARN", logs.Variable+"_COMMIT", "DEBUG")
	lines := written(t, func(ctx context.Context, logger *slog.Logger) {
		logs.For(logger, "commit").DebugContext(ctx, "written")
		logs.For(logger, "registry").DebugContext(ctx, "not written")
		logger.DebugContext(ctx, "not written")
	})
	if len(lines) != 1 || lines[0]["@module"] != "provider.commit" {
		t.Errorf("the log is %v", lines)
	}
}

// A line names the place that logs, not the handler.
func TestLogNamesItsCaller(t *testing.T) {
	logEnvironment(t, "TF_LOG", "TRACE")
	lines := written(t, func(ctx context.Context, logger *slog.Logger) {
		logger = logs.For(logger, "commit")
		logger.DebugContext(ctx, "one")
		logger.LogAttrs(ctx, logs.LevelTrace, "two")
	})
	if len(lines) != 2 {
		t.Fatalf("the log is %v", lines)
	}
	for _, line := range lines {
		if caller, ok := line["@caller"].(string); !ok || !strings.Contains(caller, "logging_test.go") {
			t.Errorf("the caller of %v is %v", line["@message"], line["@caller"])
		}
	}
}

// written is logged with the logger that plugin servers use: with the provider's level and the caller of each line.
func written(t *testing.T, write func(ctx context.Context, logger *slog.Logger)) []map[string]any {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = file
	ctx := tfsdklog.NewRootProviderLogger(t.Context(), tflog.WithLevelFromEnv(logs.Variable))
	os.Stderr = stderr
	write(ctx, newLogger())
	if err = file.Close(); err != nil {
		t.Fatal(err)
	}
	output, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := tflogtest.MultilineJSONDecode(bytes.NewReader(output))
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return lines
}

func TestLogOfSettings(t *testing.T) {
	logEnvironment(t, logs.Variable, "DEBUG")
	const planted = "planted-secret"
	s := settings{
		defaultRegistry: "registry.example.com",
		settle:          500 * time.Millisecond,
		unknownHosts:    map[string]bool{"later.example.com": true},
		credentials: credentials.Settings{
			"ghcr.io":   {Username: "robot", Password: planted, Origin: "registries"},
			"docker.io": {NoLogin: true},
		},
		options: registry.Options{
			MaxRetries: -1,
			Registries: map[string]registry.HostConfig{
				"ghcr.io": {
					AuthHosts: []string{"auth.example.com"},
					TLS: registry.TLSConfig{
						InsecureSkipVerify: true, ClientCertificate: []byte(planted), ClientKey: []byte(planted),
					},
				},
				"docker.io": {Scheme: "https"},
			},
		},
		signing: &notation.SignerOptions{
			Plugin: &notation.PluginOptions{
				Name: "kms", KeyID: "key", Config: map[string]string{"profile": planted},
				Environment: map[string]string{"TOKEN": planted, "REGION": planted},
			},
			Envelope: signing.MediaTypeJWS, Expiry: 24 * time.Hour,
			TimestampURL: "https://robot:" + planted + "@tsa.example.com/?key=" + planted,
		},
		verification: &verificationSettings{
			options: notation.VerifierOptions{Identities: []string{"*"}, Permissive: true, CheckRevocation: true},
		},
	}
	lines := logged(t, func(ctx context.Context, logger *slog.Logger) { s.log(ctx, logger, "1.2.3", "1.14.0") })
	want := []map[string]any{{
		"@module": "provider", "@level": "debug", "@message": "provider configured",
		"version": "1.2.3", "terraform_version": "1.14.0", "default_registry": "registry.example.com",
		"settle": "500ms", "max_retries": 0.0, "not_known_yet": []any{"later.example.com"},
		"registries.docker.io": "anonymous, scheme https",
		"registries.ghcr.io": "credentials from registries, auth_hosts auth.example.com, insecure_skip_verify, " +
			"client_certificate",
		"signing": `plugin kms with config ["profile"] and environment ["REGION" "TOKEN"], envelope application/jose+json, ` +
			"expiry 24h0m0s, timestamps of tsa.example.com",
		"verification": `trusted_identities ["*"], permissive, revocation check, not required`,
	}}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("the log is %v, want %v", lines, want)
	}
}

func BenchmarkLogDisabled(b *testing.B) {
	for _, name := range logVariables {
		b.Setenv(name, "")
	}
	logger := logs.For(newLogger(), "registry")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		logger.LogAttrs(ctx, slog.LevelDebug, "request", slog.Int("status", 200))
	}
}
