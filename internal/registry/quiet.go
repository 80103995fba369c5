package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// quiet is the end of the pause that a registry asked for, and the answer that asked.
type quiet struct {
	until  time.Time
	answer *Error
}

// keepQuiet starts a pause of all requests to the registry if its answer asks for one.
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
		h.debug(ctx, "the registry asks for a pause", slog.Duration("pause", answer.RetryAfter),
			slog.Int("status", answer.Status))
	}
}

// waitQuiet waits until the registry's pause is over. If ctx ends sooner, it returns the registry's answer at once.
func (h *host) waitQuiet(ctx context.Context) error {
	h.mu.Lock()
	q := h.quiet
	h.mu.Unlock()
	remaining := time.Until(q.until)
	if remaining <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(q.until) {
		answer := *q.answer // It explains more than the end of ctx would.
		answer.RetryAfter = remaining
		return &answer
	}
	pause := remaining + wait.Jitter(min(remaining/4, time.Second))
	h.debug(ctx, "waiting out the pause that the registry asked for", slog.Duration("wait", pause))
	return wait.For(ctx, pause)
}
