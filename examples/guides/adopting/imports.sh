terraform apply                                       # reads the repository, and stores nothing but the output
terraform output -raw imports > adopted_imports.tf
terraform plan -generate-config-out=generated.tf      # writes a resource for each piece
terraform apply                                       # review: everything to import, nothing to add or destroy
