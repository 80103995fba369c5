package format

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// record is an entry as the document spells it, and the values of the fields that are read often.
type record struct {
	fields rawjson.Object
	typ    string
	digest oci.Digest
	size   int64
	pin    Pin
}

// newRecord reads the values that are read often. It leaves invalid values unset; fields keeps them.
func newRecord(fields rawjson.Object) record {
	rec := record{fields: fields, size: UnknownSize}
	if s, err := rawjson.ParseString(fields.Get(keyType)); err == nil {
		rec.typ = s
	}
	rec.digest = parseDigest(fields.Get(keyDigest))
	if n, err := strconv.ParseInt(fields.Get(keySize), 10, 64); err == nil && n >= 0 {
		rec.size = n
	}
	if n, err := strconv.Atoi(fields.Get(keyPin)); err == nil && n >= 0 && n < MaxShards {
		rec.pin = PinTo(n)
	}
	return rec
}

// parseDigest returns the canonical form of a digest in JSON, or an empty one if the value is no digest.
func parseDigest(value string) oci.Digest {
	s, err := rawjson.ParseString(value)
	if err != nil {
		return ""
	}
	digest, err := oci.ParseDigest(s)
	if err != nil {
		return ""
	}
	return digest
}

// entry decodes all values of the record.
func (rec record) entry() Entry {
	e := Entry{Type: rec.typ, Digest: rec.digest, Size: rec.size, Pin: rec.pin}
	if s, err := rawjson.ParseString(rec.fields.Get(keyMediaType)); err == nil {
		e.MediaType = s
	}
	if s, err := rawjson.ParseString(rec.fields.Get(keyCreated)); err == nil {
		if created, err := time.Parse(time.RFC3339, s); err == nil {
			e.Created = created
		}
	}
	if n, ok := countAnnotations(rec.fields); ok && n > 0 {
		var annotations map[string]string
		if json.Unmarshal([]byte(rec.fields.Get(keyAnnotations)), &annotations) == nil && len(annotations) > 0 {
			e.Annotations = annotations
		}
	}
	e.DeclaredBy = parseReferences(rec.fields.Get(keyDeclaredBy))
	e.Artifact = parseArtifact(rec.fields.Get(keyArtifact))
	return e
}

// parseReferences decodes the field declared_by, sorted and without duplicates. A value of another shape counts as
// missing.
func parseReferences(value string) []string {
	var references []string
	if value == "" || json.Unmarshal([]byte(value), &references) != nil {
		return nil
	}
	slices.Sort(references)
	references = slices.Compact(references)
	if len(references) == 0 {
		return nil
	}
	return references
}

// updated returns the record with the values of e. Unknown fields stay. Our fields that e leaves empty are removed. The
// pin stays if the digest stays.
func (rec record) updated(e Entry) record {
	fields := rec.fields.
		With(keyType, rawjson.Encode(e.Type)).
		With(keyDigest, rawjson.Encode(e.Digest.String()))
	set := func(key string, value any, present bool) {
		if present {
			fields = fields.With(key, rawjson.Encode(value))
		} else {
			fields = fields.Without(key)
		}
	}
	set(keySize, e.Size, e.Size >= 0)
	if rec.digest != e.Digest {
		fields = fields.Without(keyPin)
	}
	set(keyMediaType, e.MediaType, e.MediaType != "")
	set(keyCreated, e.Created.UTC().Format(time.RFC3339), !e.Created.IsZero())
	set(keyAnnotations, e.Annotations, len(e.Annotations) > 0)
	set(keyDeclaredBy, e.DeclaredBy, len(e.DeclaredBy) > 0)
	if e.Artifact != (Artifact{}) {
		fields = fields.With(keyArtifact, e.Artifact.field())
	} else {
		fields = fields.Without(keyArtifact)
	}
	return newRecord(fields)
}

// pinned returns the record with a pin. If the record has no size, it gets the given one, in bytes. The zero pin
// removes the record's pin.
func (rec record) pinned(pin Pin, size int64) record {
	shard, ok := pin.Shard()
	if !ok {
		return newRecord(rec.fields.Without(keyPin))
	}
	fields := rec.fields
	if rec.size < 0 && size >= 0 {
		fields = fields.With(keySize, rawjson.Encode(size))
	}
	return newRecord(fields.With(keyPin, rawjson.Encode(shard)))
}

// Equal reports whether the entries agree in everything but their pins.
func (e Entry) Equal(other Entry) bool {
	return e.Type == other.Type && e.Digest == other.Digest && e.Size == other.Size &&
		e.MediaType == other.MediaType && e.Created.Equal(other.Created) &&
		maps.Equal(e.Annotations, other.Annotations) && slices.Equal(e.DeclaredBy, other.DeclaredBy) &&
		e.Artifact == other.Artifact
}
