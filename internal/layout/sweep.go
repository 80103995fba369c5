package layout

import (
	"path"
	"time"
)

// Names of temporary files begin and end so.
const (
	temporaryPrefix = ".manifesto-"
	temporarySuffix = ".tmp"
)

// abandoned is the age from which a temporary file is one that a crash has left behind. A writer renames its own within
// seconds.
const abandoned = 24 * time.Hour

// sweep removes the temporary files that crashes have left behind. A file that cannot be removed does no harm. The
// caller holds the lock.
func (d directory) sweep() {
	for _, parent := range []string{".", blobsPath} {
		d.sweepDirectory(parent)
	}
}

func (d directory) sweepDirectory(parent string) {
	listing, err := d.Open(parent)
	if err != nil {
		return
	}
	defer func() { _ = listing.Close() }() // Only names were read.
	for {
		names, err := listing.Readdirnames(1000) // A layout may have any number of blobs.
		for _, name := range names {
			if match, _ := path.Match(temporaryPrefix+"*"+temporarySuffix, name); match {
				d.removeAbandoned(path.Join(parent, name))
			}
		}
		if err != nil { // io.EOF at the end.
			return
		}
	}
}

func (d directory) removeAbandoned(name string) {
	info, err := d.Lstat(name)
	if err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
		_ = d.Remove(name) // The next run tries again.
	}
}
