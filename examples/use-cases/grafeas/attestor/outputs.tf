output "note" {
  description = "The note, as projects/PROJECT/notes/NAME: input of the module mirror."
  value       = google_container_analysis_note.approval.id
}
