package provider

import (
	"maps"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// bulkEntry is an entry that a bulk resource declares.
type bulkEntry struct {
	key manifesto.Key
	// attribute and element say which element of which map declares the entry.
	attribute, element string
	// reference is how the configuration names the image, as in manifesto.Put.
	reference string
	// content and digest are those of the content; empty if it is not known yet.
	content []byte
	digest  oci.Digest
	// mediaType and annotations are what to store.
	mediaType   string
	annotations map[string]string
	// artifactType is that of the artifact to publish; empty for none. signs says to sign it.
	artifactType string
	signs        bool
}

// bulkHeld is an entry that the state of a bulk resource has.
type bulkHeld struct {
	// reference is how the state names the image.
	reference string
	// digest is that of the content in the registry, as the last refresh has seen it.
	digest oci.Digest
	// stale says that media type or annotations are not the declared ones.
	stale bool
	// repair says that the content is missing or not pinned.
	repair bool
	// artifactType is that of the artifact, as the last refresh has seen it; empty for none.
	artifactType string
	// unpublished says that the artifact is not attached, and unsigned that it is to be signed again.
	unpublished, unsigned bool
	// unsign says that the signatures of the artifact are to be removed.
	unsign bool
	// signature is the one to replace; empty if there is none, or if it is not known.
	signature oci.Digest
}

// keepsArtifact reports whether storing an entry leaves its artifact as it is.
func (h bulkHeld) keepsArtifact(entry bulkEntry) bool {
	return h.digest == entry.digest && !h.stale && h.artifactType == entry.artifactType
}

// keeps reports whether the registry has an entry as it is declared.
func (h bulkHeld) keeps(entry bulkEntry) bool {
	return h.keepsArtifact(entry) && h.reference == entry.reference && !h.repair && !h.unpublished && !h.unsigned &&
		!h.unsign
}

// bulkChange is what one commit changes.
type bulkChange struct {
	puts     []manifesto.Put
	removals []manifesto.Removal
}

func (c bulkChange) empty() bool { return len(c.puts) == 0 && len(c.removals) == 0 }

// bulkUpdate returns the change from what the state has to what the configuration declares, each key once. Entries that
// are not declared go, whoever else declares them: the plan has shown that.
func bulkUpdate(entries []bulkEntry, held map[manifesto.Key]bulkHeld) (change bulkChange) {
	declared := make(map[manifesto.Key]bool, len(entries))
	for _, entry := range entries {
		declared[entry.key] = true
		current, ok := held[entry.key]
		put := entry.put()
		if ok {
			if current.keeps(entry) {
				continue
			}
			put.Update, put.Expected, put.Previous, put.Repair = true, current.digest, current.reference, current.repair
			put.Sign = entry.signs && (current.unsigned || !current.keepsArtifact(entry))
			if put.SignAgain = put.Sign || current.unsign; put.Sign {
				put.ReplacedSignature = current.signature
			}
			if current.digest == entry.digest && !current.repair && entry.artifactType == "" {
				put.Content = nil // An artifact has the content's size, which the content tells without a request.
			}
			if put.Previous == put.Reference {
				put.Previous = ""
			}
		}
		change.puts = append(change.puts, put)
	}
	for _, key := range slices.SortedFunc(maps.Keys(held), compareKeys) {
		if !declared[key] {
			change.removals = append(change.removals, manifesto.Removal{
				Key: key, Expected: held[key].digest, Reference: held[key].reference, All: true,
			})
		}
	}
	return change
}

// bulkDestroy returns the change that removes what the state has. Entries that others declare, too, stay.
func bulkDestroy(held map[manifesto.Key]bulkHeld) (change bulkChange) {
	for _, key := range slices.SortedFunc(maps.Keys(held), compareKeys) {
		change.removals = append(change.removals, manifesto.Removal{
			Key: key, Expected: held[key].digest, Reference: held[key].reference,
		})
	}
	return change
}

// put returns the creation of an entry.
func (e bulkEntry) put() manifesto.Put {
	return manifesto.Put{
		Key: e.key, Reference: e.reference, Content: e.content, MediaType: e.mediaType, Annotations: e.annotations,
		ArtifactType: e.artifactType, Sign: e.signs,
	}
}
