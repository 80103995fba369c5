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

// helperTTL is for how long an answer of a helper is good: some hand out tokens that live for an hour.
const helperTTL = 5 * time.Minute

// maxHelperAnswer bounds what is read of a helper's answer, in bytes.
const maxHelperAnswer = 1 << 20

// tokenUser is the user name by which a helper says that the secret is an identity token.
const tokenUser = "<token>"

// What helpers say of a registry that they have nothing for.
var helperHasNone = []string{"credentials not found", "no credentials", "not found in native keychain"}

// Helpers runs credential helpers, the programs docker-credential-NAME, each of them once for a registry
// and some minutes. A slow one delays its own registry only. The zero value works.
type Helpers struct {
	// Timeout bounds one call; zero means 20 seconds.
	Timeout time.Duration

	once  sync.Once
	cache Cache[helperCall]
}

type helperCall struct{ program, server string }

// get asks a helper for a registry's credential.
func (h *Helpers) get(ctx context.Context, program, server string) (Credential, error) {
	h.once.Do(func() { h.cache.Life, h.cache.ErrorLife = helperTTL, helperTTL })
	call := helperCall{program, server}
	return h.cache.Find(ctx, call, func(ctx context.Context) (Credential, error) { return h.run(ctx, call) })
}

// errHelperTimeout: a helper did not answer in time.
var errHelperTimeout = errors.New("no answer")

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
	command := exec.CommandContext(ctx, name, "get") //nolint:gosec // What the user's configuration names.
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
		return Credential{}, unavailable(name, err) // What it said may hold anything and is not passed on.
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

// limitedBuffer keeps the first bytes that are written to it.
type limitedBuffer struct {
	bytes.Buffer

	limit int
}

// Write implements io.Writer. What exceeds the limit is dropped.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
