package main

import (
	"errors"
	"fmt"
)

// Limits of a resource with up to limitedImages images: the requests of an unchanged plan, and the provider's peak
// memory in bytes in any operation.
const (
	limitedImages = 10_000
	mostRequests  = 45
	mostMemory    = 300 << 20
)

// checkBulk returns an error for each figure above its limit.
func checkBulk(all map[string][]figures) error {
	var exceeded []error
	for _, f := range all[plan] {
		if f.requests > mostRequests {
			exceeded = append(exceeded, fmt.Errorf("%s: %d requests, want at most %d", plan, f.requests, mostRequests))
		}
	}
	for _, operation := range bulkOperations {
		for _, f := range all[operation.name] {
			if f.memory > mostMemory {
				exceeded = append(exceeded, fmt.Errorf("%s: the provider's peak memory is %s, want at most %s",
					operation.name, megabytes(f.memory), megabytes(mostMemory)))
			}
		}
	}
	return errors.Join(exceeded...)
}
