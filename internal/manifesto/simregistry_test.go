//go:build !race

package manifesto

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// simRegistry is a repository in memory.
type simRegistry struct {
	blobs     map[oci.Digest][]byte
	manifests map[oci.Digest]oci.Manifest
	tags      map[string][]oci.Digest // All that a tag has held; the last is current.
	changed   time.Time               // When Tag last changed.
	// broken describes a manifest that was put and named a missing blob; empty if there was none.
	broken string
}

func newSimRegistry() *simRegistry {
	return &simRegistry{
		blobs: map[oci.Digest][]byte{}, manifests: map[oci.Digest]oci.Manifest{},
		tags: map[string][]oci.Digest{},
	}
}

// put lets a PUT take effect.
func (r *simRegistry) put(tag string, m oci.Manifest) {
	parsed, err := format.ParseManifest(m)
	if err != nil {
		r.broken = err.Error()
	}
	for _, layer := range append(slices.Clone(parsed.Layers()), parsed.Config()) {
		if _, ok := r.blobs[layer.Digest]; !ok {
			r.broken = fmt.Sprintf("%s names %s, which is not there", tag, layer.Digest)
		}
	}
	r.manifests[m.Digest] = m
	r.tags[tag] = append(r.tags[tag], m.Digest)
	if tag == format.Tag {
		r.changed = time.Now()
	}
}

// attach stores a manifest that has no tag.
func (r *simRegistry) attach(m oci.Manifest) {
	var parsed v1.Manifest
	if err := json.Unmarshal(m.Content, &parsed); err != nil {
		r.broken = err.Error()
	}
	for _, layer := range append(slices.Clone(parsed.Layers), parsed.Config) {
		if _, ok := r.blobs[layer.Digest]; !ok {
			r.broken = fmt.Sprintf("%s names %s, which is not there", m.Digest, layer.Digest)
		}
	}
	r.manifests[m.Digest] = m
}

// safeguard is a part of the protocol that a simulation can take away, to show that it is needed. It does so between
// the committer and the registry.
type safeguard string

const (
	// announcedWindows: to all but the first writer, no manifest says how long its writer may take.
	announcedWindows safeguard = "announced windows"
	// knownWindows: to the first writer, every manifest seems to announce the longest window, as if the others knew it.
	knownWindows safeguard = "windows that others know"
	// settling: the last of a burst does not wait.
	settling safeguard = "settling"
	// ancestry: no manifest says what it descends from.
	ancestry safeguard = "ancestry"
	// staleReadRule: what a lagging replica shows looks like a rival's.
	staleReadRule safeguard = "the rule on stale reads"
	// noBlindResend: a PUT whose answer is lost is sent again.
	noBlindResend safeguard = "no blind resend"
	// pinLook: the first look after an upload, or after a failed PUT of a pin manifest, shows what the tag held
	// before. It is for schedules in which that is the look before a pin manifest is put.
	pinLook safeguard = "a look before pins"
	// pinConfirm: nobody notices that a pin manifest was replaced.
	pinConfirm safeguard = "confirming pins"
)

// simRemote is one writer's access to the registry.
type simRemote struct {
	s      *simulation
	writer int
}

var errCrashed = fmt.Errorf("%w: crashed", context.Canceled)

// gate waits until the scheduler lets the request take effect.
func (r simRemote) gate(c *call) outcome {
	c.writer, c.began, c.proceed = r.writer, time.Now(), make(chan outcome)
	r.s.mu.Lock()
	r.s.pending = append(r.s.pending, c)
	r.s.mu.Unlock()
	return <-c.proceed
}

func isTag(identifier string) bool { return !strings.HasPrefix(identifier, "sha256:") }

// look resolves a tag or digest, when the scheduler lets it.
func (r simRemote) look(method, identifier string) (oci.Digest, error) {
	if !isTag(identifier) {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		if _, ok := r.s.registry.manifests[oci.Digest(identifier)]; !ok {
			return "", oci.ErrNotFound
		}
		return oci.Digest(identifier), nil
	}
	if seen, ok := r.seenBefore(identifier); ok {
		return seen, nil
	}
	how := r.gate(&call{method: method, tag: identifier})
	if how == crash {
		return "", errCrashed
	}
	return r.resolve(identifier, how)
}

// seenBefore returns, without the safeguard pinLook, what the writer's look before its upload has shown.
func (r simRemote) seenBefore(tag string) (oci.Digest, bool) {
	seen := r.s.seen[r.writer]
	if tag != format.Tag || r.s.world.without != pinLook || !r.s.uploaded[r.writer] || seen == "" {
		return "", false
	}
	r.s.uploaded[r.writer] = false
	return seen, true
}

// resolve returns what a tag holds or, for a stale read, has held.
func (r simRemote) resolve(tag string, how outcome) (oci.Digest, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	known := r.s.registry
	was := known.tags[tag]
	if how == stale {
		was = was[:len(was)-1]
	}
	if len(was) == 0 {
		return "", oci.ErrNotFound
	}
	digest := was[len(was)-1]
	if how == stale && r.s.world.without == staleReadRule {
		alias := oci.DigestOf([]byte("alias of " + digest))
		known.manifests[alias] = known.manifests[digest]
		return alias, nil
	}
	if tag == format.Tag {
		r.s.seen[r.writer] = digest
	}
	return digest, nil
}

func (r simRemote) HeadManifest(_ context.Context, identifier string) (oci.Digest, error) {
	digest, err := r.look("HEAD", identifier)
	if own, ok := r.s.ownPins[r.writer][identifier]; ok && err == nil && r.s.world.without == pinConfirm {
		return own, nil
	}
	return digest, err
}

func (r simRemote) GetManifest(_ context.Context, identifier string) (oci.Manifest, error) {
	digest, err := r.look("GET", identifier)
	if err != nil {
		return oci.Manifest{}, err
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	m := r.s.registry.manifests[digest]
	switch without := r.s.world.without; {
	case without == announcedWindows && r.writer > 0:
		m = withAnnotation(m, format.AnnotationWindow, "")
	case without == ancestry:
		m = withAnnotation(m, format.AnnotationAncestors, "")
	case without == knownWindows && r.writer == 0:
		m = withAnnotation(m, format.AnnotationWindow, maxWindow.String())
	}
	m.Digest = digest
	return m, nil
}

// withAnnotation returns a manifest with another value of an annotation that it has; an empty one removes it.
func withAnnotation(m oci.Manifest, name, value string) oci.Manifest {
	var parsed v1.Manifest
	if json.Unmarshal(m.Content, &parsed) != nil || parsed.Annotations[name] == "" {
		return m
	}
	if parsed.Annotations[name] = value; value == "" {
		delete(parsed.Annotations, name)
	}
	content, err := json.Marshal(parsed)
	if err != nil {
		return m
	}
	return oci.NewManifest(m.MediaType, content)
}

func (r simRemote) PutManifest(_ context.Context, identifier string, m oci.Manifest, _ time.Time) error {
	c := &call{method: "PUT", tag: identifier, manifest: m}
	for {
		how := r.gate(c)
		if how == crash {
			return errCrashed
		}
		r.s.mu.Lock()
		if how != lostRequest {
			r.s.registry.put(identifier, m)
			r.s.replayed = r.s.replayed || c.resent
		}
		if how == replay {
			r.s.ghosts = append(r.s.ghosts, ghost{m, r.s.looked[r.writer].Add(minWindow)})
		}
		if identifier != format.Tag {
			if r.s.ownPins[r.writer] == nil {
				r.s.ownPins[r.writer] = map[string]oci.Digest{}
			}
			r.s.ownPins[r.writer][identifier] = m.Digest
		}
		r.s.mu.Unlock()
		if how != lostRequest && how != lostAnswer {
			return nil
		}
		if identifier != format.Tag {
			r.s.uploaded[r.writer] = true
		}
		if r.s.world.without != noBlindResend {
			return oci.ErrAmbiguous
		}
		c = &call{method: "PUT", tag: identifier, manifest: m, resent: true}
	}
}

func (r simRemote) HeadBlob(_ context.Context, digest oci.Digest) (int64, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	content, ok := r.s.registry.blobs[digest]
	if !ok {
		return 0, oci.ErrNotFound
	}
	return int64(len(content)), nil
}

func (r simRemote) GetBlob(_ context.Context, digest oci.Digest, _ int64) ([]byte, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	content, ok := r.s.registry.blobs[digest]
	if !ok {
		return nil, oci.ErrNotFound
	}
	return content, nil
}

func (r simRemote) PutBlob(_ context.Context, content []byte) (oci.Digest, error) {
	if r.s.world.uploads && r.gate(&call{method: "POST"}) == crash {
		return "", errCrashed
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	digest := oci.DigestOf(content)
	r.s.registry.blobs[digest] = content
	r.s.uploaded[r.writer] = true
	return digest, nil
}

func (r simRemote) ListTags(_ context.Context, prefix string) (tags []string, known bool, err error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for tag := range r.s.registry.tags {
		if strings.HasPrefix(tag, prefix) {
			tags = append(tags, tag)
		}
	}
	return tags, true, nil
}

func (r simRemote) DescribeManifest(ctx context.Context, identifier string) (oci.Descriptor, error) {
	m, err := r.GetManifest(ctx, identifier)
	return m.Descriptor(), err
}

func (r simRemote) Referrers(_ context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return referrersIn(maps.Values(r.s.registry.manifests), subject), nil
}

// DetachAll implements Repository.
func (r simRemote) DetachAll(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	return r.Detach(ctx, subject, digests...)
}

// AttachFirst implements Repository.
func (r simRemote) AttachFirst(ctx context.Context, m oci.Manifest) error { return r.Attach(ctx, m) }

// Attach implements Repository. Like an upload, it takes effect at once unless the world has uploads: nobody waits for
// what is attached, which has no name of its own.
func (r simRemote) Attach(_ context.Context, m oci.Manifest) error {
	if _, _, err := oci.ParseAttached(m); err != nil {
		return err
	}
	if r.s.world.uploads && r.gate(&call{method: "ATTACH"}) == crash {
		return errCrashed
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.registry.attach(m)
	return nil
}

// Detach implements Repository.
func (r simRemote) Detach(_ context.Context, _ oci.Digest, digests ...oci.Digest) error {
	if r.s.world.uploads && r.gate(&call{method: "DETACH"}) == crash {
		return errCrashed
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, digest := range digests {
		delete(r.s.registry.manifests, digest)
	}
	return nil
}
