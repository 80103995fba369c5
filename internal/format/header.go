package format

import (
	"strconv"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Tag is the tag of a repository's manifesto.
const Tag = "_manifesto"

// Annotations of the manifests that we write.
const (
	AnnotationVersion    = "dev.manifesto.version"
	AnnotationAncestors  = "dev.manifesto.ancestors"
	AnnotationWindow     = "dev.manifesto.window"
	AnnotationRepository = "dev.manifesto.repository"
)

// Bounds of the values in a header.
const (
	// MaxAncestors is the largest number of ancestors that a manifest names. No run commits as often while a replica lags.
	MaxAncestors = 32
	// MaxNumber is the largest number of a version. A larger one counts as none, so that nobody can make the next one
	// overflow. No repository ever has as many versions.
	MaxNumber = 1 << 53
	// MaxWindow is the longest window that a writer announces. A longer one in a manifest counts as MaxWindow.
	MaxWindow = 10 * time.Second
)

// Header is what the annotations of a manifesto's manifest say. A manifest that another tool wrote has none; its header
// is the zero value.
type Header struct {
	// Number counts the versions of the manifesto; 0 if another tool wrote this one.
	Number int64
	// Ancestors are the digests of the manifests that this one descends from, nearest first.
	Ancestors []oci.Digest
	// Window bounds the time from the writer's last look at the tag to the effect of its PUT; 0 if unknown.
	Window time.Duration
	// Repository is the name of the repository that the manifest was written for, as its annotation spells it; empty if
	// the manifest does not say. A manifest is always written with the name of its own repository.
	Repository string
}

func (h Header) annotations(repository oci.Repository) map[string]string {
	ancestors := make([]string, len(h.Ancestors))
	for i, digest := range h.Ancestors {
		ancestors[i] = digest.String()
	}
	return withRepository(repository, map[string]string{
		AnnotationVersion:   strconv.FormatInt(h.Number, 10),
		AnnotationAncestors: strings.Join(ancestors, ","),
		AnnotationWindow:    h.Window.String(),
	})
}

// RepositoryName returns what a manifest says of the repository that it was written for: its name or, for a layout on
// disk, nothing. The path of a layout means nothing to other readers, and would show them a directory of the writer's
// machine.
func RepositoryName(repository oci.Repository) string {
	if _, onDisk := repository.Layout(); onDisk {
		return ""
	}
	return repository.String()
}

// withRepository adds the repository's name to annotations, if it has one.
func withRepository(repository oci.Repository, annotations map[string]string) map[string]string {
	if name := RepositoryName(repository); name != "" {
		annotations[AnnotationRepository] = name
	}
	return annotations
}

// parseHeader reads annotations. Invalid values count as missing.
func parseHeader(annotations map[string]string) Header {
	h := Header{Repository: annotations[AnnotationRepository]}
	if number, err := strconv.ParseInt(annotations[AnnotationVersion], 10, 64); err == nil && number > 0 &&
		number <= MaxNumber {
		h.Number = number
	}
	for text := range strings.SplitSeq(annotations[AnnotationAncestors], ",") {
		if digest, err := oci.ParseDigest(text); err == nil && len(h.Ancestors) < MaxAncestors {
			h.Ancestors = append(h.Ancestors, digest)
		}
	}
	if window, err := time.ParseDuration(annotations[AnnotationWindow]); err == nil && window > 0 {
		h.Window = min(window, MaxWindow)
	}
	return h
}
