/* A double: a model has the right version when the file's identifier, TFL3, is where it belongs. */
#ifndef FAKE_SCHEMA_GENERATED_H
#define FAKE_SCHEMA_GENERATED_H

#define TFLITE_SCHEMA_VERSION 3

namespace tflite {

struct Model {
    char root[4];
    char identifier[4];

    int version() const {
        return identifier[0] == 'T' ? TFLITE_SCHEMA_VERSION : 0;
    }
};

inline const Model *GetModel(const void *data) {
    return static_cast<const Model *>(data);
}

}  // namespace tflite

#endif
