package notation

import "context"

func (s *signer) withPlugin(_ context.Context, _ SignerOptions) error {
	return optionErrorf(optionPlugin, "plugins do not sign yet")
}
