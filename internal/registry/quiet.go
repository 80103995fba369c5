package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// quiet is how long a registry has asked to be left alone, and the answer that said so.
type quiet struct {
	until  time.Time
	answer *Error
}

// keepQuiet takes note of an answer that asks to wait, for all requests to the registry.
func (h *host) keepQuiet(ctx context.Context, answer *Error) {
	if !answer.temporary() || answer.RetryAfter <= 0 || answer.RetryAfter > maxRetryAfter {
		return
	}
	until := time.Now().Add(answer.RetryAfter)
	h.mu.Lock()
	longer := until.After(h.quiet.until)
	if longer {
		h.quiet = quiet{until, answer}
	}
	h.mu.Unlock()
	if longer {
		h.debug(ctx, "the registry asks for a pause", slog.Duration("pause", answer.RetryAfter), slog.Int("status", answer.Status))
	}
}

// waitQuiet waits for as long as the registry has asked to be left alone.
func (h *host) waitQuiet(ctx context.Context) error {
	h.mu.Lock()
	q := h.quiet
	h.mu.Unlock()
	remaining := time.Until(q.until)
	if remaining <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(q.until) {
		answer := *q.answer // Waiting in vain would only hide why.
		answer.RetryAfter = remaining
		return &answer
	}
	pause := remaining + wait.Jitter(min(remaining/4, time.Second))
	h.debug(ctx, "waiting out the pause that the registry asked for", slog.Duration("wait", pause))
	return wait.For(ctx, pause)
}
