package main

import (
	"strings"
	"testing"
)

// Each figure above its limit is named, and those at the limit pass.
func TestBulkLimits(t *testing.T) {
	t.Parallel()
	within := map[string][]figures{
		apply: {{requests: 20_000, memory: mostMemory}},
		plan:  {{requests: mostRequests, memory: mostMemory}},
	}
	if err := checkBulk(within); err != nil {
		t.Errorf("figures at their limits: %v", err)
	}
	above := map[string][]figures{
		apply: {{memory: 1}, {memory: 301 << 20}},
		plan:  {{requests: 1}, {requests: 46, memory: 302 << 20}},
	}
	err := checkBulk(above)
	for _, want := range []string{
		"plan (unchanged): 46 requests, want at most 45",
		"apply (create): the provider's peak memory is 301 MB, want at most 300 MB",
		"plan (unchanged): the provider's peak memory is 302 MB, want at most 300 MB",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error %v does not say %q", err, want)
		}
	}
}
