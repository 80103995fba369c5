package layout

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"syscall"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

const (
	filePermissions      fs.FileMode = 0o644
	directoryPermissions fs.FileMode = 0o755
)

// read returns a file of at most limit bytes. What is not there is fs.ErrNotExist.
func (d directory) read(name string, limit int64) (content []byte, err error) {
	if _, err := d.stat(name); err != nil {
		return nil, err // Opening what is not a file, such as a pipe, could wait for ever.
	}
	file, err := d.Open(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	content, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, d.explain(name, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", oci.ErrTooLarge, d.path(name), limit)
	}
	return content, nil
}

// stat describes a regular file.
func (d directory) stat(name string) (fs.FileInfo, error) {
	info, err := d.Stat(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrDamaged, d.path(name))
	}
	return info, nil
}

// explain turns an error of the file system into one of ours. That there is no such file is left to the caller.
func (d directory) explain(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrAccess, d.path(name), err)
}

// write puts a file under its name, whole or not at all.
func (d directory) write(name string, content []byte) error {
	temporary, err := d.writeTemporary(path.Dir(name), content, filePermissions)
	if err == nil {
		err = d.rename(temporary, name)
	}
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", ErrAccess, d.path(name), err)
	}
	return nil
}

// writeTemporary writes a file, down to the disk, that is not seen by anyone until it is renamed. It is in the
// same directory: a rename is atomic in one file system only. One that a crash leaves behind has a name that no
// reader of layouts looks for.
func (d directory) writeTemporary(parent string, content []byte, mode fs.FileMode) (name string, err error) {
	name = path.Join(parent, ".manifesto-"+rand.Text()+".tmp")
	file, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePermissions)
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err == nil && mode != filePermissions {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, d.Remove(name))
	}
	return name, nil
}

// rename gives a temporary file its final name, for good. After an error it may have it all the same.
func (d directory) rename(temporary, name string) error {
	if err := d.Rename(temporary, name); err != nil {
		_ = d.Remove(temporary) // It is not in the way; that it could not be renamed is what matters.
		return err
	}
	return d.sync(path.Dir(name))
}

// sync makes renames in a directory outlive a crash of the machine, where the file system can do that.
func (d directory) sync(parent string) error {
	if runtime.GOOS == "windows" { // It cannot, and keeps the order of its own journal.
		return nil
	}
	file, err := d.Open(parent)
	if err != nil {
		return err
	}
	err = file.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, file.Close())
}
