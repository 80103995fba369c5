package layout

// nonBlocking is nothing on Windows, where no file in a directory blocks when it is opened.
const nonBlocking = 0
