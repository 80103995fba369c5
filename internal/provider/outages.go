package provider

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// outages remembers which unreachable hosts the diagnoses of a run have explained. Hundreds of objects may use one
// registry, and Terraform prints an error for each: the cause and the help are in one of them. The zero value is ready
// to use. It is safe for concurrent use.
type outages struct {
	mu        sync.Mutex
	explained map[outage]bool
}

// outage is a host that cannot be reached, and why.
type outage struct{ host, reason string }

// unreachable are the errors whose advice is the same for every object that uses the host.
var unreachable = []error{
	registry.ErrUnreachable, registry.ErrNoTLS, registry.ErrCertificate, registry.ErrClientCertificate,
}

// repeated returns a short diagnosis in place of an advice that an earlier diagnosis has given about the same host for
// the same reason. It has no detail, and its summary is the same for all objects, so that OpenTofu merges them with
// -consolidate-errors. It does not call the other error the first one: Terraform may print it anywhere among them.
func (o *outages) repeated(a advice, err error) (short diagnosis, ok bool) {
	failed, ok := errors.AsType[*registry.UnreachableError](err)
	if !ok || !slices.Contains(unreachable, a.is) {
		return diagnosis{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	key := outage{failed.Host, failed.Reason}
	if !o.explained[key] {
		if o.explained == nil {
			o.explained = map[outage]bool{}
		}
		o.explained[key] = true
		return diagnosis{}, false
	}
	return diagnosis{
		attribute: a.attribute,
		summary:   fmt.Sprintf("%s, as another error about %s explains", a.summary, failed.Host),
	}, true
}
