package provider

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// compareFacts sets the media type and the annotations, and which entries have others. The state has one value of each
// for all entries, and keeps it while one of its entries has it; otherwise it takes the most frequent one. So a second
// refresh finds the same. The entries that differ are listed by key, so that the plan shows them even if the
// configuration asks for what the state has. Entries that the state does not have are listed, too, because a
// configuration may adopt them. A media type that the state does not have is not tracked.
func (r *repositoryRefresh) compareFacts(pieces []manifesto.Located) {
	var own []format.Entry
	for _, located := range pieces {
		if _, ok := r.keys[located.Key.Image]; ok || r.imported {
			own = append(own, located.Piece.Entry)
		}
	}
	tracksMediaType := !r.before.MediaType.IsNull()
	mediaType := r.common(own, r.before.MediaType.ValueString(), func(e format.Entry) string { return e.MediaType })
	if tracksMediaType {
		r.state.MediaType = optionalString(mediaType)
	}
	before := r.before.annotations()
	annotations := r.common(own, annotationsText(before), func(e format.Entry) string {
		return annotationsText(e.Annotations)
	})
	if annotations != annotationsText(before) {
		r.state.Annotations = optionalMap(annotationsIn(own, annotations))
	}
	for _, located := range pieces {
		entry := located.Piece.Entry
		var differing []string
		if annotationsText(entry.Annotations) != annotations {
			differing = append(differing, "annotations")
		}
		if tracksMediaType && entry.MediaType != mediaType {
			differing = append(differing, "media_type")
		}
		if len(differing) > 0 {
			r.setDiffering(located.Key.Image, strings.Join(differing, ", "))
		}
	}
}

// setDiffering records what the entry of an image has that differs.
func (r *repositoryRefresh) setDiffering(image oci.Digest, what string) {
	if r.state.Differing.null {
		r.state.Differing = newTextMap(nil)
	}
	for _, key := range r.keysOf(image) {
		r.state.Differing.texts[key] = what
	}
}

// annotationsText returns a text that only equal annotations have. None are as an empty map.
func annotationsText(annotations map[string]string) string {
	if len(annotations) == 0 {
		return ""
	}
	text, err := json.Marshal(annotations)
	if err != nil {
		return "" // Maps of texts cannot fail.
	}
	return string(text)
}

// annotationsIn returns the annotations of the first entry that has those of a text.
func annotationsIn(entries []format.Entry, text string) map[string]string {
	for _, entry := range entries {
		if annotationsText(entry.Annotations) == text {
			return maps.Clone(entry.Annotations)
		}
	}
	return nil
}

// common returns before if an entry has it, or if there are no entries. Otherwise, and after an import, it returns what
// most entries have, and of several the one that sorts first.
func (r *repositoryRefresh) common(entries []format.Entry, before string, fact func(format.Entry) string) string {
	counts := map[string]int{}
	for _, entry := range entries {
		counts[fact(entry)]++
	}
	if len(counts) == 0 || counts[before] > 0 && !r.imported {
		return before
	}
	values := slices.Sorted(maps.Keys(counts))
	return slices.MaxFunc(values, func(x, y string) int { return counts[x] - counts[y] })
}
