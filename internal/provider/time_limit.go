package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// Time limits of operations unless the configuration has others.
const (
	writeTimeout = 20 * time.Minute
	readTimeout  = 5 * time.Minute
)

// timeLimit is how long an operation may take, and what sets that.
type timeLimit struct {
	duration time.Duration
	// setting is the attribute that sets the limit; empty if nothing does.
	setting string
}

// readLimit is the limit of reading and of what a plan looks up.
func readLimit(ctx context.Context, configured timeouts.Value) (timeLimit, diag.Diagnostics) {
	limit := timeLimit{readTimeout, "timeouts.read"}
	if configured.IsNull() {
		return limit, nil // The library would log that.
	}
	var diags diag.Diagnostics
	limit.duration, diags = configured.Read(ctx, readTimeout)
	return limit, diags
}

// within adds the limit to a diagnosis of an operation whose context has expired. A commit that the limit has ended is
// an interrupted one: its outcome is not known.
func (d diagnosis) within(ctx context.Context, limit timeLimit) diagnosis {
	expired := errors.Is(ctx.Err(), context.DeadlineExceeded)
	if !expired || d.summary != timedOut && d.summary != interrupted {
		return d
	}
	d.detail += fmt.Sprintf(" The limit was %s", limit.duration)
	if limit.setting != "" {
		d.detail += "; " + limit.setting + " sets it"
	}
	d.detail += "."
	return d
}
