package manifesto

import (
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// pinner keeps the pin manifests of one repository, and knows what is in them. It is safe for concurrent use.
type pinner struct {
	tag        *tag
	index      *pinIndex
	unpinnable unpinnable
	flight     wait.Group
}

func newPinner(t *tag) *pinner { return &pinner{tag: t, index: newPinIndex()} }
