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
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Files of a layout.
const (
	versionFile = "oci-layout"
	indexFile   = "index.json"
	blobsPath   = "blobs/sha256"
	// lockFile is this program's own. It is never removed, because another process may be waiting for it.
	lockFile = ".manifesto.lock"
)

// maxVersionFile bounds the file oci-layout, in bytes.
const maxVersionFile = 64 << 10

// lockDelay is the time between two attempts to take the lock. A writer holds it for some milliseconds.
const lockDelay = 2 * time.Millisecond

// Layout is an OCI image layout on disk, used like a repository of a registry. It holds no file open between
// operations. Any number of goroutines and processes may use a layout at once: files appear whole under their final
// names, and index.json changes under a lock. The zero value is the layout in the current directory.
//
// Methods return the errors of package oci, as a repository of a registry does, and those of this package.
type Layout struct {
	directory string
	// swept is done once this process has removed the old temporary files.
	swept sync.Once
	// subjects are those of the manifests that Referrers has read.
	subjects subjects
}

// Open returns the layout in a directory; the empty name means the current directory. It does not look at the
// directory: each operation does, and fails with ErrNoLayout if there is no layout. No operation creates one.
func Open(directory string) *Layout {
	return &Layout{directory: directory}
}

// ListTags returns the tags in the index that begin with prefix; all tags if it is empty. known is never false without
// an error, because that would mean that the images have no metadata yet. The error wraps ErrNoLayout if the directory
// is no layout.
func (l *Layout) ListTags(ctx context.Context, prefix string) (tags []string, known bool, err error) {
	d, err := l.open(ctx)
	if err != nil {
		return nil, false, err
	}
	defer d.done()
	ix, err := d.readIndex()
	if err != nil {
		return nil, false, err
	}
	for _, e := range ix.entries {
		if tag := e.tag(); tag != "" && strings.HasPrefix(tag, prefix) {
			tags = append(tags, tag)
		}
	}
	return tags, true, nil
}

// directory is an open layout. Links in it do not lead out of it.
type directory struct {
	*os.Root
	swept *sync.Once
	// locked says that the layout's lock is held for this operation.
	locked bool
}

// open opens the directory for one operation and checks that it is a layout.
func (l *Layout) open(ctx context.Context) (directory, error) {
	if err := context.Cause(ctx); err != nil {
		return directory{}, fmt.Errorf("image layout %s: %w", l.name(), err)
	}
	info, err := os.Stat(l.name())   //nolint:gosec // The user names the directory.
	if err == nil && !info.IsDir() { // Opening a pipe would wait for its other end.
		return directory{}, fmt.Errorf("%w: %s is not a directory", ErrNoLayout, l.name())
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
	d := directory{root, &l.swept, ctx.Value(exclusiveKey{l}) != nil}
	if err := d.checkVersion(); err != nil {
		d.done()
		return directory{}, err
	}
	return d, nil
}

// done ends an operation.
func (d directory) done() {
	_ = d.Close() // Nothing is written through this handle, so that closing it loses nothing.
}

func (l *Layout) name() string {
	if l.directory == "" {
		return "."
	}
	return l.directory
}

// checkVersion reads the file that marks a directory as a layout.
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
		return fmt.Errorf("%w: %s has the version %q; 1.0.0 is known",
			ErrNoLayout, d.path(versionFile), version.ImageLayoutVersion)
	}
	return nil
}

// path returns a file's name as errors show it.
func (d directory) path(name string) string {
	return filepath.Join(d.Name(), filepath.FromSlash(name))
}

// exclusiveKey is the key of a context whose operations on the layout need no lock.
type exclusiveKey struct{ layout *Layout }

// Exclusively runs work while nothing else changes the index: no other process, and nothing in this one but operations
// on l with the context of work. An error that is not of work means that the lock could not be taken or released.
func (l *Layout) Exclusively(ctx context.Context, work func(context.Context) error) error {
	d, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer d.done()
	return d.withLock(ctx, func() error {
		return work(context.WithValue(ctx, exclusiveKey{l}, true))
	})
}

// withLock runs work while it holds the layout's lock. If the lock cannot be released after work has succeeded, the
// error is oci.ErrAmbiguous.
func (d directory) withLock(ctx context.Context, work func() error) (err error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if unlockErr := unlock(); err == nil && unlockErr != nil {
			err = fmt.Errorf("%w: %w: %w", oci.ErrAmbiguous, ErrAccess, unlockErr)
		}
	}()
	return work()
}

// lock takes the layout's lock, which excludes other processes and other callers in this one. It waits until ctx
// ends. The function that it returns releases the lock.
func (d directory) lock(ctx context.Context) (unlock func() error, err error) {
	// flock opens the file by its path. Opening it here first makes sure that it is not a link out of the layout.
	file, err := d.openRegular(lockFile, os.O_CREATE|os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if err = file.Close(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAccess, d.path(lockFile), err)
	}
	lock := flock.New(d.path(lockFile), flock.SetPermissions(filePermissions),
		flock.SetFlag(os.O_CREATE|os.O_RDONLY|nonBlocking))
	_, err = lock.TryLockContext(ctx, lockDelay)
	switch {
	case err == nil:
		return lock.Unlock, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for the lock %s: %w", d.path(lockFile), context.Cause(ctx))
	}
	return nil, fmt.Errorf("%w: locking %s: %w", ErrAccess, d.path(lockFile), err)
}
