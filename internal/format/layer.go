package format

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits on what a registry may send as a manifesto, in bytes.
const (
	// MaxLayer bounds a layer as it is transferred.
	MaxLayer = MaxUnpacked
	// MaxData bounds the document.
	MaxData = 256 << 20
	// MaxUnpacked bounds a layer after decompression: the document and the tar around it. ReadLayer checks it while it
	// decompresses.
	MaxUnpacked = MaxData + 1<<20
)

// maxGuess bounds the memory that is allocated for a file before its bytes have arrived, in bytes.
const maxGuess = 32 << 20

// maxWindow bounds the memory that a zstd frame asks for before its bytes have arrived, in bytes. Levels up to 19 need
// 8 MiB.
const maxWindow = 32 << 20

// maxMembers bounds the gzip members of a layer. Most tools write one, and those for lazy pulling one for some
// megabytes. A hostile layer has millions of empty ones: they decompress to nothing and escape the limit on bytes.
const maxMembers = 100_000

// sparsePrefix begins the PAX records of a sparse file: some bytes of tar that read as gigabytes of zeros.
const sparsePrefix = "GNU.sparse."

// DataPath is the only file of a manifesto's image, and of the images that hold content in the oldest form.
const DataPath = "/data"

// Names of files with which a layer hides files of the layers below it: the whiteouts of the OCI image specification.
const (
	whiteoutData   = "/.wh.data"
	whiteoutOpaque = "/.wh..wh..opq"
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// LayerData is what a layer says about /data. The zero value is a layer that does not mention it.
type LayerData struct {
	// Found says that the layer holds the file, with Content.
	Found   bool
	Content []byte
	// Hides says that the layer removes the file of the layers below.
	Hides bool
}

// ReadLayer looks for /data in a layer: a tar, possibly compressed with gzip or zstd. It recognises the compression by
// the first bytes, because many tools write wrong media types. If several files have the name, the last one counts, as
// it would if the layer were unpacked. The layer may have at most limit bytes after decompression, and the file at most
// maxContent. The error wraps ErrTooLarge beyond that, and ErrNotManifesto if the layer cannot be read.
func ReadLayer(layer io.Reader, limit, maxContent int64) (LayerData, error) {
	plain, closeReader, err := decompress(bufio.NewReader(layer))
	if err != nil {
		return LayerData{}, err
	}
	defer closeReader()
	bounded := &boundedReader{reader: plain, left: limit}
	var result LayerData
	for archive := tar.NewReader(bounded); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return result, nil
		}
		if err != nil {
			return LayerData{}, layerError(err)
		}
		switch path.Clean("/" + header.Name) {
		case whiteoutData, whiteoutOpaque:
			result.Hides = true
		case DataPath:
			if result.Content, err = readFile(archive, header, maxContent); err != nil {
				return LayerData{}, err
			}
			result.Found = true
		}
	}
}

// readFile reads the current file of an archive.
func readFile(archive io.Reader, header *tar.Header, maxContent int64) ([]byte, error) {
	if header.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrNotManifesto, DataPath)
	}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, sparsePrefix) {
			return nil, fmt.Errorf("%w: %s is a sparse file", ErrNotManifesto, DataPath)
		}
	}
	if header.Size > maxContent {
		return nil, fmt.Errorf("%w: %s has %d bytes, the limit is %d",
			ErrTooLarge, DataPath, header.Size, maxContent)
	}
	content := make([]byte, min(header.Size, maxGuess)) // The header may lie.
	n, err := io.ReadFull(archive, content)
	if err == nil && int64(n) < header.Size {
		content = append(make([]byte, 0, header.Size), content...)[:header.Size]
		_, err = io.ReadFull(archive, content[n:])
	}
	if err != nil {
		return nil, layerError(err)
	}
	return content, nil
}

// decompress returns the tar in a layer, and a function that releases the decompressor.
func decompress(layer *bufio.Reader) (io.Reader, func(), error) {
	magic, err := layer.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, layerError(err)
	}
	switch {
	case bytes.HasPrefix(magic, gzipMagic):
		reader, err := gzip.NewReader(layer)
		if err != nil {
			return nil, nil, layerError(err)
		}
		reader.Multistream(false)
		plain := &memberReader{compressed: layer, member: reader}
		return plain, func() { _ = reader.Close() }, nil // Closing a gzip reader checks nothing more.
	case bytes.HasPrefix(magic, zstdMagic):
		reader, err := zstd.NewReader(layer, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxData), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, layerError(err)
		}
		return reader, reader.Close, nil
	}
	return layer, func() {}, nil
}

// memberReader reads the members of a gzip file one after the other, and counts them.
type memberReader struct {
	compressed *bufio.Reader
	member     *gzip.Reader
	count      int
}

// Read implements io.Reader.
func (r *memberReader) Read(p []byte) (int, error) {
	for {
		n, err := r.member.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if r.count++; r.count > maxMembers {
			return 0, fmt.Errorf("%w: a layer has more than %d gzip members", ErrTooLarge, maxMembers)
		}
		if err = r.member.Reset(r.compressed); err != nil { // io.EOF after the last member.
			return n, err
		}
		r.member.Multistream(false)
		if n > 0 {
			return n, nil
		}
	}
}

func layerError(err error) error {
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: its layer cannot be read: %w", ErrNotManifesto, err)
}

// boundedReader returns an error, not io.EOF, if more than the limit is read.
type boundedReader struct {
	reader io.Reader
	left   int64
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: a layer decompresses to more than the limit", ErrTooLarge)
	}
	return n, err
}
