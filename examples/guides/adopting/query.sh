terraform query                                       # shows what there is
terraform query -generate-config-out=generated.tf     # writes a resource and an import block for each piece
terraform plan                                        # review: everything to import, nothing to add or destroy
terraform apply
