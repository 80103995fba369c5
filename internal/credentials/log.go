package credentials

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

// Logged returns a source that finds what the given one finds, and logs which source had a credential, had none, or
// could not say. Each source of a Chain is logged by itself. The log has names of sources and never a secret. A nil
// logger discards.
func Logged(source Source, logger *slog.Logger) Source {
	if logger == nil {
		return source
	}
	return logged(source, logs.For(logger, "credentials"))
}

func logged(source Source, log *slog.Logger) Source {
	chain, ok := source.(Chain)
	if !ok {
		return loggedSource{source: source, log: log}
	}
	all := make(Chain, len(chain))
	for i, member := range chain {
		all[i] = logged(member, log)
	}
	return all
}

// loggedSource logs the answers of a source.
type loggedSource struct {
	source Source
	log    *slog.Logger
}

// Find implements Source.
func (l loggedSource) Find(ctx context.Context, target Target) (Credential, error) {
	found, err := l.source.Find(ctx, target)
	if !l.log.Enabled(ctx, slog.LevelDebug) {
		return found, err
	}
	level, message := logs.LevelTrace, "source has no credentials"
	attrs := []slog.Attr{
		slog.String("source", nameOf(l.source)),
		slog.String("registry", target.Host), slog.String("repository", target.Path),
	}
	switch {
	case err != nil:
		level, message = slog.LevelDebug, "source of credentials failed"
		if errors.Is(err, ErrUnavailable) { // Other errors may hold any text.
			attrs = append(attrs, slog.String("reason", err.Error()))
		}
	case found.NoLogin:
		level, message = slog.LevelDebug, "settings ask for no login"
	case !found.IsAnonymous():
		level, message = slog.LevelDebug, "source has credentials"
		attrs = append(attrs, slog.String("origin", found.Origin))
		if !found.Expires.IsZero() {
			attrs = append(attrs, slog.Time("expires", found.Expires))
		}
	}
	l.log.LogAttrs(ctx, level, message, attrs...)
	return found, err
}

// nameOf returns the name of a source. A source without one is named by its type, since its value may hold secrets.
func nameOf(source Source) string {
	if named, ok := source.(fmt.Stringer); ok {
		return named.String()
	}
	return fmt.Sprintf("%T", source)
}
