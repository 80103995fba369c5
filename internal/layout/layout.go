// Package layout reads and writes OCI image layouts on disk (image-layout.md of the OCI image specification)
// in the place of a repository of a registry: for bundles that are carried to where no registry is, and for
// tests without a server.
package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Files of a layout.
const (
	versionFile = "oci-layout"
	indexFile   = "index.json"
	blobsPath   = "blobs/sha256"
	// lockFile is ours. It is left where it is: whoever removed it could not know who waits for it.
	lockFile = ".manifesto.lock"
)

// maxVersionFile bounds the file oci-layout, in bytes.
const maxVersionFile = 64 << 10

// lockDelay is the time between two attempts to get the lock, which is held for some milliseconds.
const lockDelay = 2 * time.Millisecond

// Layout is an OCI image layout on disk as a manifesto.Repository. It holds no file open between two operations and
// is safe for concurrent use, by any number of processes: files appear whole, under their final name, and
// index.json is changed under a lock. The zero value is the layout in the current directory.
//
// Errors are those of the registry package, as manifesto.Repository wants them, and this package's own.
type Layout struct {
	directory string
}

// Open returns the layout in a directory. Whether there is one is found out by each operation, which fails with
// ErrNoLayout where there is none; nothing ever makes one.
func Open(directory string) *Layout {
	return &Layout{directory: directory}
}

// RepositoryExists returns true for a layout, and ErrNoLayout for what is none. It never returns false alone,
// which would mean that there is no metadata yet.
func (l *Layout) RepositoryExists(ctx context.Context) (bool, error) {
	d, err := l.open(ctx)
	if err != nil {
		return false, err
	}
	d.done()
	return true, nil
}

// directory is an open layout. Nothing outside of it can be reached, whatever links are in it.
type directory struct {
	*os.Root
}

// open opens the directory for one operation, and makes sure that it is a layout.
func (l *Layout) open(ctx context.Context) (directory, error) {
	if err := context.Cause(ctx); err != nil {
		return directory{}, fmt.Errorf("image layout %s: %w", l.name(), err)
	}
	root, err := os.OpenRoot(l.name())
	switch {
	case errors.Is(err, fs.ErrPermission):
		return directory{}, fmt.Errorf("%w: %w", ErrAccess, err)
	case errors.Is(err, fs.ErrNotExist):
		return directory{}, fmt.Errorf("%w: there is no directory %s", ErrNoLayout, l.name())
	case err != nil:
		return directory{}, fmt.Errorf("%w: %w", ErrNoLayout, err)
	}
	d := directory{root}
	if err := d.checkVersion(); err != nil {
		d.done()
		return directory{}, err
	}
	return d, nil
}

// done ends an operation.
func (d directory) done() {
	_ = d.Close() // Nothing is written through the directory itself that closing it could lose.
}

func (l *Layout) name() string {
	if l.directory == "" {
		return "."
	}
	return l.directory
}

// checkVersion reads the file that says that the directory is a layout.
func (d directory) checkVersion() error {
	content, err := d.read(versionFile, maxVersionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the directory %s has no file %s", ErrNoLayout, d.Name(), versionFile)
	}
	if err != nil {
		return err
	}
	var version struct {
		ImageLayoutVersion string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(content, &version); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoLayout, d.path(versionFile), err)
	}
	if !strings.HasPrefix(version.ImageLayoutVersion, "1.") {
		return fmt.Errorf("%w: %s has the version %q; 1.0.0 is known", ErrNoLayout, d.path(versionFile), version.ImageLayoutVersion)
	}
	return nil
}

// path is a file's name for people.
func (d directory) path(name string) string {
	return filepath.Join(d.Name(), filepath.FromSlash(name))
}

// lock waits for the layout's lock, which is between processes and between callers in one, and returns what gives
// it back.
func (d directory) lock(ctx context.Context) (unlock func() error, err error) {
	// The lock is taken by path. Opened here first, the file is known not to be a link that leads elsewhere.
	file, err := d.OpenFile(lockFile, os.O_CREATE|os.O_RDONLY, filePermissions)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAccess, d.path(lockFile), err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAccess, d.path(lockFile), err)
	}
	lock := flock.New(d.path(lockFile), flock.SetPermissions(filePermissions))
	_, err = lock.TryLockContext(ctx, lockDelay)
	switch {
	case err == nil:
		return lock.Unlock, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for the lock %s: %w", d.path(lockFile), context.Cause(ctx))
	}
	return nil, fmt.Errorf("%w: locking %s: %w", ErrAccess, d.path(lockFile), err)
}
