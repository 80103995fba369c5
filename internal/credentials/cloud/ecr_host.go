package cloud

import (
	"slices"
	"strings"
)

// publicRegion is where Amazon's public registry hands out its tokens.
const publicRegion = "us-east-1"

// ecrDomains are the domains of Amazon's partitions, which follow the region in a host.
var ecrDomains = []string{
	"amazonaws.com", "on.aws",
	"amazonaws.com.cn", "on.amazonwebservices.com.cn",
	"amazonaws.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
}

// ecrRegistry identifies the endpoint that hands out a registry's token. It has no account: a token is valid for every
// registry of the region that its owner may use.
type ecrRegistry struct {
	region string
	// public marks Amazon's one public registry.
	public bool
	// fips and dualStack choose among the endpoints of the region, as the registry's host does.
	fips, dualStack bool
}

// parseECR reads ACCOUNT.dkr.ecr[-fips].REGION.DOMAIN, ACCOUNT.dkr-ecr[-fips].REGION.DOMAIN (over IPv6 too)
// and the names of the public registry.
func parseECR(host string) (ecrRegistry, bool) {
	switch host {
	case "public.ecr.aws":
		return ecrRegistry{region: publicRegion, public: true}, true
	case "ecr-public.aws.com":
		return ecrRegistry{region: publicRegion, public: true, dualStack: true}, true
	}
	account, service, _ := strings.Cut(host, ".")
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return ecrRegistry{}, false
	}
	var r ecrRegistry
	place, ok := strings.CutPrefix(service, "dkr.ecr")
	if !ok {
		place, r.dualStack = strings.CutPrefix(service, "dkr-ecr")
	}
	if !ok && !r.dualStack {
		return ecrRegistry{}, false
	}
	place, r.fips = strings.CutPrefix(place, "-fips")
	place, ok = strings.CutPrefix(place, ".")
	region, domain, _ := strings.Cut(place, ".")
	if !ok || !isLabel(region) || !slices.Contains(ecrDomains, domain) {
		return ecrRegistry{}, false
	}
	r.region = region
	return r, true
}
