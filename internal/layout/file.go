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
	file, err := d.openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, err
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

// openRegular opens a regular file. It does not wait for the other end of a pipe, or for a device.
func (d directory) openRegular(name string, flag int) (*os.File, error) {
	file, err := d.OpenFile(name, flag|nonBlocking, filePermissions)
	if err != nil {
		if info, statErr := d.Stat(name); statErr == nil && !info.Mode().IsRegular() { // Such as a socket.
			return nil, d.notRegular(name)
		}
		return nil, d.explain(name, err)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(d.notRegular(name), err, file.Close())
	}
	return file, nil
}

func (d directory) notRegular(name string) error {
	return fmt.Errorf("%w: %s is not a regular file", ErrDamaged, d.path(name))
}

// OpenRegular opens a regular file for reading, inside or outside of a layout. It does not wait for the other end of a
// pipe, or for a device. The error wraps ErrNotRegular if the name is that of anything but a regular file.
func OpenRegular(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|nonBlocking, 0) //nolint:gosec // The user names the file.
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrNotRegular, name), err, file.Close())
	}
	return file, nil
}

// stat describes a regular file.
func (d directory) stat(name string) (fs.FileInfo, error) {
	info, err := d.Stat(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, d.notRegular(name)
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
	name = path.Join(parent, temporaryPrefix+rand.Text()+temporarySuffix)
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
