package logs_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

func TestFor(t *testing.T) {
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: logs.LevelTrace})
	logs.For(slog.New(handler), "registry").Log(t.Context(), logs.LevelTrace, "request")
	if got := out.String(); !strings.Contains(got, "subsystem=registry") {
		t.Errorf("the record is %q", got)
	}
	if logs.For(nil, "registry").Enabled(t.Context(), slog.LevelError) {
		t.Error("a nil logger logs")
	}
}
