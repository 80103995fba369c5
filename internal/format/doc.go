// Package format is the stored format: the document under the tag _manifesto, the image and the layer that carry it,
// the annotations of its manifest, and the pin manifests. It turns bytes into values and back, and sends nothing. It
// keeps what other writers of the document have put there, byte for byte.
package format
