package manifesto

import (
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// version is one state of a repository's manifesto. It must not be changed once other goroutines can see it.
type version struct {
	// digest is the manifest's; empty if there is no manifesto.
	digest oci.Digest
	// manifest describes it: what a signature is of.
	manifest oci.Descriptor
	format.Header
	doc *format.Document
}

// exists reports whether there is a manifesto.
func (v *version) exists() bool { return v.digest != "" }

// foreign reports whether another tool has written the version, without our annotations.
func (v *version) foreign() bool { return v.exists() && v.Number == 0 }

// successor returns a version to edit that descends from v. Its number is not set yet.
func (v *version) successor() *version {
	next := &version{doc: v.doc.Clone()}
	if v.exists() {
		ancestors := append([]oci.Digest{v.digest}, v.Ancestors...)
		next.Ancestors = ancestors[:min(len(ancestors), format.MaxAncestors)]
	}
	return next
}

// entry returns the current entry of a key. If there is none, the error is a *NoEntryError.
func (v *version) entry(key Key) (format.Entry, error) {
	entry, ok := v.doc.Lookup(key.Image, key.Type)
	if !ok {
		return format.Entry{}, &NoEntryError{Key: key, Types: v.doc.Types(key.Image)}
	}
	return entry, nil
}
