package layout

import "errors"

// What can go wrong besides the registry package's errors: what is absent is registry.ErrNotFound here, too, a
// manifest that names what is not there registry.ErrManifestRefused, and a change of which nobody knows whether it
// has taken place registry.ErrAmbiguous.
var (
	// ErrNoLayout: the directory does not exist or is not an image layout. It is not registry.ErrNotFound: nothing
	// can be said of what is in it.
	ErrNoLayout = errors.New("no image layout")
	// ErrDamaged: the layout does not follow the specification, or lacks what its index names.
	ErrDamaged = errors.New("damaged image layout")
	// ErrAccess: a file of the layout cannot be read or written, or leads out of it.
	ErrAccess = errors.New("image layout not accessible")
	// ErrSeveralImages: more than one image is meant, and nothing says which.
	ErrSeveralImages = errors.New("more than one image")
)
