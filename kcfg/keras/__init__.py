"""What Keras does: the table of releases, and the path from places to values.

The words used here and everywhere below `kcfg/`:

release     a version of Keras, such as "2.3.1"; from 2.4.3 to 2.15 it is tf.keras, and so is
            tf_keras
rules       what the table says of one release
place       a file or directory that Keras might use, and why it does or doesn't
text        what is in the file
reading     what the release makes of the text: the mapping that it would hold, or its exception
value       what Keras holds for a key in the end
source      where a value came from: "file", "env" or "default"
origin      the same exactly: `/home/a/.keras/keras.json:2:15`, `KERAS_BACKEND`, `default`
failure     the exception that Keras's own configuration code raises during `import keras`
problem     what a person should know about all this

Data flows one way: `installed` says which release judges, `releases` gives its rules, `discovery`
the file, `reading` the mapping, `resolution` the values.
"""
