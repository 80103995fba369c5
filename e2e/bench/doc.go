// Command bench measures plan and apply with the provider, with a provider of the same schema that does nothing, and
// with terraform_data, in alternation. It prints tables of medians and ratios in Markdown. It needs Terraform or
// OpenTofu.
package main
