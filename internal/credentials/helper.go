package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// helperTimeout bounds one call of a credential helper: it may ask a key store, or a cloud.
const helperTimeout = 20 * time.Second

// helperLife is how long an answer of a helper is kept. Some helpers hand out tokens that live for an hour.
const helperLife = 5 * time.Minute

// maxHelperAnswer is how much of a helper's answer is read, in bytes.
const maxHelperAnswer = 1 << 20

// tokenUser is the user name that a helper gives when the secret is an identity token.
const tokenUser = "<token>"

// helperHasNone are the texts by which helpers say that they have no credential for a registry.
var helperHasNone = []string{"credentials not found", "no credentials", "not found in native keychain"}

// Helpers runs credential helpers, the programs docker-credential-NAME. It asks a helper for a registry once in five
// minutes. A slow helper delays its own registry only. The zero value works. It is safe for concurrent use.
type Helpers struct {
	// Timeout bounds one call. Zero means 20 seconds.
	Timeout time.Duration

	once  sync.Once
	cache Cache[helperCall]
}

type helperCall struct{ program, server string }

// get returns a registry's credential from a helper.
func (h *Helpers) get(ctx context.Context, program, server string) (Credential, error) {
	h.once.Do(func() { h.cache.Life, h.cache.ErrorLife = helperLife, helperLife })
	call := helperCall{program, server}
	return h.cache.Find(ctx, call, func(ctx context.Context) (Credential, error) { return h.run(ctx, call) })
}

// errHelperTimeout: a helper did not answer in time.
var errHelperTimeout = errors.New("no answer")

// run calls a helper.
func (h *Helpers) run(ctx context.Context, call helperCall) (Credential, error) {
	name := "docker-credential-" + call.program
	if strings.ContainsAny(call.program, `/\`) {
		return Credential{}, unavailable(name, errors.New("not the name of a credential helper"))
	}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = helperTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	command := exec.CommandContext(ctx, name, "get") //nolint:gosec // The user's configuration names it.
	command.Stdin = strings.NewReader(call.server)
	answer := &limitedBuffer{limit: maxHelperAnswer}
	command.Stdout = answer
	command.WaitDelay = time.Second // A child of the helper may hold its output open.
	err := command.Run()
	if ctx.Err() != nil {
		return Credential{}, unavailable(name, fmt.Errorf("%w for %s within %s", errHelperTimeout, call.server, timeout))
	}
	if err != nil {
		said := strings.ToLower(answer.String())
		for _, none := range helperHasNone {
			if strings.Contains(said, none) {
				return Credential{}, nil
			}
		}
		return Credential{}, unavailable(name, err) // Without the helper's output, which may hold a secret.
	}
	var found struct{ Username, Secret string }
	if json.Unmarshal(answer.Bytes(), &found) != nil {
		return Credential{}, unavailable(name, errors.New("the answer is not JSON"))
	}
	if found.Username == tokenUser {
		return Credential{IdentityToken: found.Secret, Origin: name}, nil
	}
	return Credential{Username: found.Username, Password: found.Secret, Origin: name}, nil
}

// limitedBuffer keeps the first bytes that are written to it, up to its limit.
type limitedBuffer struct {
	bytes.Buffer

	limit int
}

// Write implements io.Writer. It drops the bytes that exceed the limit.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
