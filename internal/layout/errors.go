package layout

import "errors"

// Errors of layouts, besides those of package oci, which mean here what they mean for a registry: oci.ErrNotFound is
// absence, oci.ErrManifestRefused is a manifest that names an absent blob, and oci.ErrAmbiguous is a change that may
// or may not have taken place.
var (
	// ErrNoLayout: the directory does not exist or is not an image layout. It does not match oci.ErrNotFound, because
	// it does not prove that an image or its metadata is absent.
	ErrNoLayout = errors.New("no image layout")
	// ErrDamaged: the layout does not follow the specification or lacks a manifest that its index names.
	ErrDamaged = errors.New("damaged image layout")
	// ErrAccess: a file of the layout cannot be read or written, or leads out of it.
	ErrAccess = errors.New("image layout not accessible")
	// ErrNotRegular: the name is that of a directory, a pipe, a device or a socket. OpenRegular returns it.
	ErrNotRegular = errors.New("not a regular file")
	// ErrSeveralImages: the tag, or the absence of a tag, fits more than one image.
	ErrSeveralImages = errors.New("more than one image")
)
