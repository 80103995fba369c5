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

// read returns a file of at most limit bytes. A missing file is fs.ErrNotExist.
func (d directory) read(name string, limit int64) ([]byte, error) {
	if _, err := d.stat(name); err != nil {
		return nil, err // Opening a pipe, for example, could block indefinitely.
	}
	file, err := d.Open(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err = errors.Join(err, file.Close()); err != nil {
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

// explain turns an error of the file system into ErrAccess. It leaves fs.ErrNotExist to the caller.
func (d directory) explain(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrAccess, d.path(name), err)
}

// write stores a file under its name, whole or not at all.
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

// writeTemporary writes a file to the disk under a name that no reader of layouts looks for, even if a crash leaves
// it behind. The file is in the directory of its final name, because a rename is atomic in one file system only.
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
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, d.Remove(name))
	}
	return name, nil
}

// rename gives a temporary file its final name and syncs the directory. After an error the file may have either name.
func (d directory) rename(temporary, name string) error {
	if err := d.Rename(temporary, name); err != nil {
		_ = d.Remove(temporary) // A file that stays does no harm. The failed rename is what the caller must know.
		return err
	}
	return d.sync(path.Dir(name))
}

// sync makes the renames in a directory survive a crash of the machine, if the file system supports that.
func (d directory) sync(parent string) error {
	if runtime.GOOS == "windows" { // Windows cannot sync a directory. Its journal keeps renames in order.
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
