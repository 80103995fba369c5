package oci

import (
	"encoding/json"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// tagLimits bound what the decoder allocates for one page of a list of tags. Some registries send all tags in one page,
// and some describe every manifest beside its tags: 4 MiB hold some 200,000 tags of the usual length, or 15,000 such
// manifests.
var tagLimits = rawjson.Limits{List: 200_000, Total: 500_000}

// ParseTags returns the tags in one page of a list of tags. The error wraps ErrTooLarge if the page has too many
// values, and ErrBadResponse if it cannot be read.
func ParseTags(page []byte) ([]string, error) {
	if err := tagLimits.Check(page); err != nil {
		return nil, fmt.Errorf("%w: the list of tags %w", ErrTooLarge, err)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(page, &list); err != nil {
		return nil, fmt.Errorf("%w: the list of tags: %w", ErrBadResponse, err)
	}
	return list.Tags, nil
}
