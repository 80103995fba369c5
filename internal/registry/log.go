package registry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

// noticeable is the shortest wait for a slot that is logged.
const noticeable = 100 * time.Millisecond

// debug logs for one registry. Callers on a hot path ask logs first, so that no attributes are built in vain.
func (h *host) debug(ctx context.Context, message string, attrs ...slog.Attr) {
	h.log.LogAttrs(ctx, slog.LevelDebug, message, attrs...)
}

// logs reports whether records of the level are kept.
func (h *host) logs(ctx context.Context, level slog.Level) bool { return h.log.Enabled(ctx, level) }

type attemptKey struct{}

// withAttempt returns a context that carries the number of an attempt, from 1, to the log of its requests.
func withAttempt(ctx context.Context, number int) context.Context {
	return context.WithValue(ctx, attemptKey{}, number)
}

// attemptOf returns the number of the attempt that ctx belongs to: 1 for a request that is never repeated.
func attemptOf(ctx context.Context) int {
	if number, ok := ctx.Value(attemptKey{}).(int); ok {
		return number
	}
	return 1
}

// logRequest logs a request to the registry.
func (h *host) logRequest(ctx context.Context, req *http.Request, resp *http.Response, err error, took time.Duration) {
	logRequest(ctx, h.log, req, resp, err, took)
}

// logRequest logs a request with its answer, or with the error in its place. The message has the essence, because
// Terraform writes the attributes in any order. The query and the headers may hold secrets and are not logged.
func logRequest(
	ctx context.Context, log *slog.Logger, req *http.Request, resp *http.Response, err error, took time.Duration,
) {
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	debug := func(message string, attrs []slog.Attr) { log.LogAttrs(ctx, slog.LevelDebug, message, attrs...) }
	what := fmt.Sprintf("%s %s%s", req.Method, req.URL.Host, req.URL.Path)
	attrs := []slog.Attr{
		slog.String("method", req.Method), slog.String("host", req.URL.Host), slog.String("path", req.URL.Path),
		slog.Int("attempt", attemptOf(ctx)), slog.Duration("duration", took),
	}
	if req.ContentLength > 0 {
		attrs = append(attrs, slog.Int64("sent_bytes", req.ContentLength))
	}
	if err != nil {
		debug(what+" failed", append(attrs, slog.String("error", err.Error())))
		return
	}
	attrs = append(attrs, slog.Int("status", resp.StatusCode))
	if resp.ContentLength >= 0 {
		attrs = append(attrs, slog.Int64("answer_bytes", resp.ContentLength))
	}
	if final := resp.Request; final != nil && final.URL.Host != req.URL.Host {
		attrs = append(attrs, slog.String("answered_by", final.URL.Host))
	}
	debug(fmt.Sprintf("%s: %d in %s", what, resp.StatusCode, took.Round(time.Millisecond/10)), attrs)
}

// logRetry logs why and when a request is sent again.
func (h *host) logRetry(ctx context.Context, err error, attempt int, pause, asked time.Duration) {
	if !h.logs(ctx, slog.LevelDebug) {
		return
	}
	reason := "backoff"
	if asked > 0 {
		reason = "Retry-After"
	}
	h.debug(ctx, "retry", slog.Int("attempt", attempt+1), slog.Duration("wait", pause),
		slog.String("wait_reason", reason), failure(err))
}

// failure is an error as the log has it: the status of an answer, without the text that a server wrote.
func failure(err error) slog.Attr {
	if status := statusOf(err); status != 0 {
		return slog.Int("status", status)
	}
	return slog.String("error", err.Error())
}

// logLogin logs what a login has given.
func (h *host) logLogin(ctx context.Context, want session, g *grant, renewal bool) {
	if !h.logs(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("repository", want.path), slog.String("scope", want.access.actions()), slog.String("scheme", g.scheme),
		slog.String("as", g.login), slog.Bool("renewal", renewal),
	}
	if g.life > 0 {
		attrs = append(attrs, slog.Duration("token_life", g.life))
	}
	if !g.renew.IsZero() {
		attrs = append(attrs, slog.Time("renew_at", g.renew))
	}
	h.debug(ctx, fmt.Sprintf("logged in for %s of %s as %s", want.access.actions(), want.path, g.login), attrs...)
}

// logChallenge logs how the registry wants to be authenticated to.
func (h *host) logChallenge(ctx context.Context, asked challenge) {
	if !h.logs(ctx, logs.LevelTrace) {
		return
	}
	h.log.LogAttrs(ctx, logs.LevelTrace, "challenge", slog.String("scheme", asked.scheme),
		slog.String("realm", redactText(asked.realm)), slog.String("service", asked.service),
		slog.String("scope", asked.scope), slog.String("failure", asked.failure))
}

// logRedirect logs a redirect that is followed.
func (h *host) logRedirect(ctx context.Context, req *http.Request, hops int) {
	if h.logs(ctx, logs.LevelTrace) {
		h.log.LogAttrs(ctx, logs.LevelTrace, "redirect", slog.String("method", req.Method),
			slog.String("host", req.URL.Host), slog.String("path", req.URL.Path), slog.Int("hop", hops))
	}
}

// traced returns a context that logs which connection a request gets.
func (h *host) traced(ctx context.Context, host string) context.Context {
	if !h.logs(ctx, logs.LevelTrace) {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		h.log.LogAttrs(ctx, logs.LevelTrace, "connection", slog.String("host", host),
			slog.Bool("reused", info.Reused), slog.Duration("idle", info.IdleTime))
	}})
}
