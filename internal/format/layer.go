package format

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits on what a registry sends in the place of a manifesto, in bytes.
const (
	// MaxLayer bounds a layer as it is transferred.
	MaxLayer = MaxUnpacked
	// MaxData bounds the document.
	MaxData = 256 << 20
	// MaxUnpacked bounds a layer after decompression, which is checked while it streams: the document
	// and what tar needs around it.
	MaxUnpacked = MaxData + 1<<20
)

// maxGuess bounds what is allocated for a file before its bytes have come, in bytes.
const maxGuess = 32 << 20

// DataPath is the one file of a manifesto image, and of the images that the oldest form used as content.
const DataPath = "/data"

// Names that a layer uses to hide files of the layers below it (the OCI image specification, layers).
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

// ReadLayer looks for /data in a layer: a tar, possibly compressed with gzip or zstd. It tells the compression by the
// first bytes, which are more reliable than the media types of a decade of tools. If several files have the name, the
// last one counts, as when the layer is unpacked. It decompresses at most limit bytes, and the file may have at most
// maxContent bytes; the error wraps ErrTooLarge beyond that, and ErrNotManifesto if the layer cannot be read.
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
			if header.Typeflag != tar.TypeReg {
				return LayerData{}, fmt.Errorf("%w: %s is not a regular file", ErrNotManifesto, DataPath)
			}
			if header.Size > maxContent {
				return LayerData{}, fmt.Errorf("%w: %s has %d bytes, the limit is %d",
					ErrTooLarge, DataPath, header.Size, maxContent)
			}
			var content bytes.Buffer
			content.Grow(int(min(header.Size, maxGuess)) + bytes.MinRead) // The header is only what a registry says.
			if _, err := content.ReadFrom(archive); err != nil {
				return LayerData{}, layerError(err)
			}
			result.Found, result.Content = true, content.Bytes()
		}
	}
}

// decompress returns the tar in a layer and what ends its reading.
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
		return reader, func() { _ = reader.Close() }, nil // Closing a gzip reader checks nothing more.
	case bytes.HasPrefix(magic, zstdMagic):
		reader, err := zstd.NewReader(layer, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxData))
		if err != nil {
			return nil, nil, layerError(err)
		}
		return reader, reader.Close, nil
	}
	return layer, func() {}, nil
}

func layerError(err error) error {
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: its layer cannot be read: %w", ErrNotManifesto, err)
}

// boundedReader fails, rather than ends, where more than the limit is read.
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
