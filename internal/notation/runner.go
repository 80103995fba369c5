package notation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

const (
	// pluginTimeout bounds a call of a plugin whose options do not. A key management service answers within seconds.
	pluginTimeout = time.Minute
	// pluginWaitDelay is how long the output of a plugin that has ended, or was killed, is waited for: a child of it may
	// hold it open.
	pluginWaitDelay = time.Second
	// maxPluginOutput and maxPluginErrors are in bytes. An envelope is spelled in base64.
	maxPluginOutput = 2 * maxEnvelope
	maxPluginErrors = 64 << 10
	// maxPluginMessage is the length of what an error repeats of a plugin's message, in characters.
	maxPluginMessage = 1000
)

// runner runs a plugin, once for each request.
type runner struct {
	path        string
	environment []string
	timeout     time.Duration
	logger      *slog.Logger
}

func newRunner(path string, o PluginOptions, logger *slog.Logger) runner {
	return runner{
		path: path, environment: o.environment(), timeout: cmp.Or(o.Timeout, pluginTimeout), logger: logger,
	}
}

// run sends a request to the plugin and reads its response. Requests and responses are never logged: a configuration
// may have secrets.
func (r runner) run(ctx context.Context, request plugin.Request, response any) error {
	name, verb := filepath.Base(r.path), string(request.Command())
	input, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("plugin %s, %s: %w", name, verb, err)
	}
	bounded, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	command := exec.CommandContext(bounded, r.path, verb) //nolint:gosec // Running what the user names is its purpose.
	output, errorOutput := &boundedBuffer{max: maxPluginOutput}, &boundedBuffer{max: maxPluginErrors, drop: true}
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), output, errorOutput
	command.Env, command.WaitDelay = r.environment, pluginWaitDelay
	begin := time.Now()
	err = command.Run()
	r.logger.DebugContext(ctx, "ran a plugin", slog.String("plugin", name), slog.String("command", verb),
		slog.Duration("took", time.Since(begin)), slog.Bool("ok", err == nil))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case bounded.Err() != nil:
		return fmt.Errorf("plugin %s, %s: it did not answer within %s and was ended", name, verb, r.timeout)
	case output.full:
		return fmt.Errorf("plugin %s, %s: its answer has more than %d bytes", name, verb, maxPluginOutput)
	case errors.Is(err, exec.ErrWaitDelay): // A child of it holds the output open. The answer is complete.
	case err != nil:
		return fmt.Errorf("plugin %s, %s: %s (%w)", name, verb, messageOf(errorOutput.buffer.Bytes()), err)
	}
	if json.Unmarshal(output.buffer.Bytes(), response) != nil {
		return fmt.Errorf("plugin %s, %s: its answer is not what a plugin of the Notary Project answers", name, verb)
	}
	return nil
}

// messageOf returns what a plugin says of its failure.
func messageOf(output []byte) string {
	var failure plugin.Error
	text := string(output)
	if json.Unmarshal(output, &failure) == nil && failure.ErrCode != "" {
		text = fmt.Sprintf("%s: %s", failure.ErrCode, failure.Message)
	}
	message := []rune(oci.Printable(text))
	return cmp.Or(string(message[:min(len(message), maxPluginMessage)]), "it said nothing")
}

// boundedBuffer keeps the first max bytes. It does not embed its buffer, whose ReadFrom would take any number.
type boundedBuffer struct {
	buffer bytes.Buffer
	max    int
	// drop says that what is too much is dropped silently. Otherwise it fails the writer.
	drop bool
	full bool
}

// Write implements io.Writer.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	kept := p[:min(len(p), b.max-b.buffer.Len())]
	b.buffer.Write(kept)
	if len(kept) == len(p) {
		return len(p), nil
	}
	b.full = true
	if b.drop {
		return len(p), nil
	}
	return len(kept), errors.New("too much output")
}
