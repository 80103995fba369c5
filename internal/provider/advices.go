package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// advice maps an error to what the provider tells a user about it. The troubleshooting guide has a section for every
// summary.
type advice struct {
	is        error
	attribute string
	summary   string
	// help says the likely cause and what to do, for the registry at host.
	help func(host string, err error) string
}

// fixed is help that is always the same.
func fixed(text string) func(string, error) string { return func(string, error) string { return text } }

// forHost is help that needs only the registry's host.
func forHost(help func(host string) string) func(string, error) string {
	return func(host string, _ error) string { return help(host) }
}

// advices are in the order in which diagnose tries them: the specific before the general.
var advices = []advice{
	{manifesto.ErrExists, "type", alreadyExists, fixed(
		"The image has metadata of this type with other content. Import it to manage it from here, or set " +
			"overwrite = true to replace it.")},
	{manifesto.ErrChanged, "type", "Metadata changed outside Terraform since the plan", fixed(
		"Another pipeline or person has changed it, and Terraform does not overwrite what it has not shown. " +
			"Run terraform plan again to see the change.")},
	{manifesto.ErrDeclaredTwice, "type", declaredTwice, fixed(
		"Another resource has created metadata of the same type for the same image in this run, through the same " +
			"reference or with other content. Keep one of them. Two tags of one image may share equal content.")},
	{manifesto.ErrRolledBack, "image", "Manifesto rolled back", rollbackHelp},
	{manifesto.ErrForked, "image", "Manifesto forked", rollbackHelp},
	{manifesto.ErrOtherRepository, "image", "Manifesto of another repository", otherRepositoryHelp},
	{manifesto.ErrChangedUnsigned, "image", "Metadata changed since it was signed", fixed(
		"Someone has changed the entry without signing it, as the original tool does. Find out who did it. Applying the " +
			"resource that signs this metadata restores it.")},
	{signing.ErrUntrusted, "image", notTrusted, fixed(
		"Somebody has signed it, but nobody whom verification trusts. Find out who stored it. If that signer is to be " +
			"trusted, add the root certificate to trusted_certificates and the subject to trusted_identities; if the " +
			"signature has expired, apply the resource that signs it. With required = false in verification, metadata is " +
			"read all the same, and its attribute verified is false.")},
	{signing.ErrUnsigned, "image", "Metadata not signed", fixed(
		"A writer without a key has stored it, or the signature was removed. Find out who it was, and apply the resource " +
			"that signs this metadata: that signs the manifesto, too. With required = false in verification, metadata is " +
			"read all the same, and its attribute verified is false.")},
	{manifesto.ErrNoSigner, "sign", nothingToSignWith, fixed("Configure signing in the provider, or remove sign.")},
	{manifesto.ErrContentMissing, "image", "Content missing", fixed(
		"The manifesto names content that the repository does not have. A garbage collection or a retention rule " +
			"has probably removed it. Create the metadata again to restore it.")},
	{format.ErrMalformed, "image", "Manifesto cannot be read", fixed(unreadable)},
	{format.ErrNotManifesto, "image", "Manifesto cannot be read", fixed(unreadable)},
	{format.ErrTooLarge, "image", "Manifesto cannot be read", fixed(unreadable)},
	{manifesto.ErrVanished, "image", "Manifesto cannot be read", fixed(
		"The registry answers as if there were no manifesto, but the cause may be a missing permission or an archive " +
			"tier, so nothing was written. Check that the repository exists, that the credentials may read it, and that " +
			"no retention rule includes _manifesto*.")},
	{manifesto.ErrInterrupted, "image", interrupted, fixed(
		"The metadata may or may not have been stored. Run the same command again: it checks first and continues " +
			"from there.")},
	{manifesto.ErrNotConfirmed, "image", "Manifesto not confirmed", fixed(
		"The registry does not show what was stored, because of other writers or a lagging replica. Run the same " +
			"command again. If this happens often, set a longer settle in the provider's configuration.")},
	{oci.ErrNoPlatforms, "platform", "Not a multi-platform image", fixed(
		"The image is a single one, without platforms to choose from. Remove platform to attach the metadata to it.")},
	{oci.ErrPlatformNotFound, "platform", "Platform not found", fixed(
		"Name one of the platforms that the image has, or remove platform to attach the metadata to the image as a " +
			"whole.")},
	{registry.ErrTokenService, "image", "Token service refused", forHost(func(host string) string {
		return fmt.Sprintf("The registry asks for a login at a host of another domain, which might collect the "+
			"credentials. If that host belongs to the registry, name it: registries[%q] = { auth_hosts = [\"HOST\"] } "+
			"in the provider's configuration.", host)
	})},
	{registry.ErrTLSConfig, "image", "Unusable certificate", forHost(func(host string) string {
		return fmt.Sprintf("Check ca_certificate, client_certificate and client_key of registries[%q] in the "+
			"provider's configuration, and the files for this registry in /etc/docker/certs.d and "+
			"/etc/containers/certs.d.", host)
	})},
	{registry.ErrUnauthorized, "image", "Registry refused the credentials", func(host string, err error) string {
		if isAnonymous(err) {
			return noCredentials(host)
		}
		return fmt.Sprintf("The password or token may be wrong or expired, or may lack the permission. "+
			"Set registries[%q] in the provider's configuration, or log in with docker login %s. An old login that "+
			"is stored there hides later sources; docker logout removes it. The provider's username and password, "+
			"and %s and %s, are used for the default registry only.", host, host, envUsername, envPassword)
	}},
	{registry.ErrImmutable, "image", "Tags are immutable", fixed(
		"The provider moves the tags _manifesto and _manifesto.pins with each change. Exempt them from " +
			"immutability: on ECR set the repository to IMMUTABLE_WITH_EXCLUSION with the filter _manifesto*; " +
			"elsewhere exclude _manifesto* from the rule.")},
	{registry.ErrPolicy, "image", "Refused by a rule of the registry", fixed(
		"The registry's message above names the rule. For example, a Harbor project that serves only signed or " +
			"scanned images does not serve _manifesto either. Exempt it, or turn the rule off for this project.")},
	{oci.ErrManifestRefused, "image", "Registry refused the manifest", fixed(
		"The registry does not accept what the provider has to store under the tags _manifesto and _manifesto.pins. " +
			"Its message above, or its log, says why. A rule about media types, tags or immutability is a likely " +
			"cause.")},
	{registry.ErrForbidden, "image", "Permission denied", func(host string, err error) string {
		const needed = "Reading needs permission to pull, and creating, changing or removing metadata needs permission " +
			"to push to the image's repository."
		if isAnonymous(err) {
			return needed + " " + noCredentials(host)
		}
		return fmt.Sprintf("The credentials for %s are valid but may not do this. %s Set other credentials as "+
			"registries[%q] in the provider's configuration.", host, needed, host)
	}},
	{oci.ErrRateLimited, "image", "Rate limit reached", rateLimitHelp},
	{oci.ErrNotFound, "image", "Image or repository not found", fixed(
		"Check the spelling, that the image has been pushed, and that the credentials may read it: many registries " +
			"give the same answer for images that they hide.")},
	{registry.ErrPlainHTTP, "image", "Plain HTTP refused", forHost(plainHTTPHelp)},
	{registry.ErrRedirect, "image", "Redirect refused", fixed(
		"The registry redirected the request to a place that the provider does not follow. Compare the two hosts " +
			"above: the registry, or a proxy in front of it, probably gives out a wrong address for itself or for its " +
			"storage.")},
	{oci.ErrTooLarge, "image", "Answer too large", fixed(
		"The registry's answer exceeds the provider's limit. Nothing was written.")},
	{oci.ErrDigestMismatch, "image", "Corrupt answer", fixed(
		"The bytes do not match the digest that they are stored under. The registry, or something between it and " +
			"Terraform, changes or damages them. Nothing was written.")},
	{registry.ErrNoTLS, "image", "Registry without TLS", forHost(plainHTTPHelp)},
	{registry.ErrCertificate, "image", "Registry's certificate is not trusted", forHost(func(host string) string {
		return fmt.Sprintf("If the certificate comes from an authority of your own, trust it: "+
			"registries[%q] = { ca_certificate = file(\"ca.pem\") } in the provider's configuration, or put it at "+
			"/etc/docker/certs.d/%s/ca.crt. If the certificate has expired or is for another name, renew it.",
			host, host)
	})},
	{registry.ErrClientCertificate, "image", "Registry wants a client certificate", forHost(func(host string) string {
		return fmt.Sprintf("Set client_certificate and client_key of registries[%q] in the provider's configuration, "+
			"or put them at /etc/docker/certs.d/%s/client.cert and client.key.", host, host)
	})},
	{registry.ErrUnreachable, "image", "Registry unreachable", forHost(func(host string) string {
		return fmt.Sprintf("Check that %s is the right host, and that this machine can reach it and the host of its "+
			"logins. HTTPS_PROXY and NO_PROXY apply. request_timeout and max_retries in the provider's configuration "+
			"set how long the provider tries.", host)
	})},
	{oci.ErrBadResponse, "image", "Registry's answer makes no sense", forHost(func(host string) string {
		return fmt.Sprintf("Check that %s is a registry, and not a web page, a login form or a proxy in front of one.",
			host)
	})},
	{context.DeadlineExceeded, "image", timedOut, fixed(
		"The registry did not answer in time. Run the same command again.")},
	{context.Canceled, "image", interrupted, fixed(
		"The operation was interrupted. Run the same command again.")},
}

// isAnonymous reports whether a refused request was sent without a login.
func isAnonymous(err error) bool {
	answer, ok := errors.AsType[*registry.Error](err)
	return ok && strings.HasPrefix(answer.Login, "anonymous")
}

// noCredentials says where the provider looks for credentials.
func noCredentials(host string) string {
	return fmt.Sprintf("The provider sent no credentials for %s: it found none that it can use. It looks in "+
		"registries[%q] and docker_config of its configuration; for the default registry only, in its username and "+
		"password, and in %s and %s; in config.json in DOCKER_CONFIG or ~/.docker; in Podman's auth.json; "+
		"and in the logins of clouds for their own registries. Log in with docker login %s, or set registries[%q]. "+
		"With anonymous = true there, it looks nowhere.",
		host, host, envUsername, envPassword, host, host)
}

const unreadable = "The tag _manifesto of the image's repository holds something that is not a manifesto, or one " +
	"that cannot be read. The provider did not change it. Inspect it with\n\n" +
	"  crane export REPOSITORY:_manifesto - | tar -xO data\n\n" +
	"and repair it, or delete the tag if you need nothing in it."

// otherRepositoryHelp says how to go on with a manifesto that was signed for another repository.
func otherRepositoryHelp(_ string, err error) string {
	text := "Someone has put a signed manifesto of another repository here, or this repository was renamed or copied " +
		"from there. In the first case, find out who did it, and restore the repository's own manifesto. In the second, " +
		"sign a manifesto of this repository: "
	if stale, ok := errors.AsType[*manifesto.StaleError](err); ok {
		text += fmt.Sprintf("set accepted_rollback = %q in verification, apply a resource that signs, and remove that "+
			"again.", stale.Digest)
	}
	return text
}

// rollbackHelp says how to accept a manifesto that is older than one that was seen before.
func rollbackHelp(_ string, err error) string {
	const cause = "Someone who can push has put another manifesto back, or the registry was restored from a backup. " +
		"Nothing was written. Find out which it was: metadata that was withdrawn since may be valid again in it."
	stale, ok := errors.AsType[*manifesto.StaleError](err)
	switch {
	case !ok:
		return cause + " If a smaller number will do, lower minimum_version."
	case stale.Digest == "":
		return cause + " Restore the tag _manifesto, or remove the resource from the state."
	}
	return cause + fmt.Sprintf(" To go on from it all the same, set accepted_rollback = %q in verification, apply, and "+
		"remove that again.", stale.Digest)
}

func plainHTTPHelp(host string) string {
	return fmt.Sprintf("If it is a registry without TLS, set registries[%q] = { plain_http = true } in the provider's "+
		"configuration.", host)
}

// rateLimitHelp says when to try again, if the registry does.
func rateLimitHelp(host string, err error) string {
	when := "Wait and run the same command again."
	if wait := registry.RetryAfter(err); wait > 0 {
		when = fmt.Sprintf("Run the same command again after %s.",
			time.Now().Add(wait).UTC().Format("2006-01-02 15:04:05 MST"))
	}
	text := fmt.Sprintf("%s limits how often it may be asked. %s A lower max_concurrent_requests in the provider's "+
		"configuration spreads the requests.", host, when)
	if host == oci.DefaultRegistry {
		text += fmt.Sprintf(" Docker Hub's limit is higher after a login: with docker login, or registries[%q].", host)
	}
	return text
}
