package manifesto

import (
	"context"
	"errors"
	"log/slog"
)

// maxLeap is how far the number of a version may run ahead of the last that is known. A manifesto that nobody to be
// trusted has signed can have any number. If the next one followed it, whoever can push could use up all numbers, and
// readers who ask for a minimum would refuse every manifesto from then on.
const maxLeap = 1 << 32

// verifyBase verifies the version to build on if this run signs: its signature makes all that is in the version valid.
// One that was signed for another repository is refused. One that nobody to be trusted has signed is built upon,
// because other writers may have no key, and the callers are told.
func (a *attempt) verifyBase(ctx context.Context) error {
	if _, ours := a.sealed[a.base.digest]; ours || !a.base.exists() || a.committer.base.Verifier == nil {
		return nil
	}
	verified, err := a.trust(ctx, a.base, a.committer.base)
	if err != nil {
		return err
	}
	if errors.Is(verified.Reason, ErrOtherRepository) {
		return verified.Reason
	}
	if a.unverified = verified.Reason; a.unverified != nil {
		a.log.LogAttrs(ctx, slog.LevelDebug, "the manifesto to build upon is not to be trusted",
			slog.Any("reason", a.unverified))
	}
	return nil
}

// tooOld returns why the base is older than what the caller of a ticket has seen; nil if it is not. Only the numbers
// count: writers that race may share one for a moment, and a fork is refused by the next refresh.
func (a *attempt) tooOld(t *ticket) error {
	return a.fresh(a.base, Demand{Floor: Floor{Number: t.floor()}, Accepted: a.committer.base.Accepted})
}

// number returns the number of the next version: the one after that of the base and after those that the callers have
// seen. So it grows even if they accept an older base.
func (a *attempt) number() int64 {
	var known int64
	for _, t := range a.batch {
		known = max(known, t.floor())
	}
	if a.unverified != nil {
		return max(known, min(a.base.Number, known+maxLeap)) + 1
	}
	return max(known, a.base.Number) + 1
}
